#!/usr/bin/env bash
# Installs the released Apache Kafka that the tests run as a broker:
#   internal/kafkabroker/install.sh [VERSION]
# into kafka in $IDPOOL_CLIENTS, or in idpool-clients in the user's cache
# folder, and never into the checkout. Once installed it is done in no time.
# VERSION replaces the pinned one until the next run.
set -euo pipefail
cd "$(dirname "$0")/testdata"

case "$(uname)" in
  Darwin) cache="$HOME/Library/Caches" ;;
  *) cache="${XDG_CACHE_HOME:-$HOME/.cache}" ;;
esac
dir="${IDPOOL_CLIENTS:-$cache/idpool-clients}/kafka"

pinned=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' pom.xml)
version="${1:-$pinned}"
if [[ $# -gt 1 || ! "$version" =~ ^[4-9][0-9.]*$ ]]; then
  echo "usage: install.sh [VERSION], of 4.0.0 or newer" >&2
  exit 2
fi

# pom is what is pinned, with the version; the tests compare it with what was
# installed.
pom() { sed "s:<kafka.version>.*</kafka.version>:<kafka.version>$version</kafka.version>:" pom.xml; }

if pom | cmp -s - "$dir/installed"; then
  echo "kafka: $version is installed in $dir"
  exit 0
fi
for tool in java mvn; do
  command -v "$tool" >/dev/null || { echo "install.sh: kafka: there is no $tool" >&2; exit 1; }
done
rm -rf "$dir"
mkdir -p "$dir"
pom >"$dir/pom.xml"
mvn --quiet --batch-mode --file "$dir/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$dir/lib"
pom >"$dir/installed"
echo "kafka: $version is installed in $dir"
