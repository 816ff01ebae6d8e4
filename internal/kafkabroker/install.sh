#!/usr/bin/env bash
# Installs the released Apache Kafka that the tests run as a broker:
#   internal/kafkabroker/install.sh [VERSION]
# into kafka in $IDPOOL_CLIENTS, or in idpool-clients in the user's cache
# folder, and never into the checkout. Once installed it is done in no time.
# VERSION replaces the pinned one until the next run.
#
# Beside it, into kafka-4.1.0 and kafka-4.1.2, come the two that idpool probe is
# tried with: the first that lets any token in (CVE-2026-33557), and the first
# after it that does not.
set -euo pipefail
cd "$(dirname "$0")/testdata"

case "$(uname)" in
  Darwin) cache="$HOME/Library/Caches" ;;
  *) cache="${XDG_CACHE_HOME:-$HOME/.cache}" ;;
esac
root="${IDPOOL_CLIENTS:-$cache/idpool-clients}"

pinned=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' pom.xml)
version="${1:-$pinned}"
if [[ $# -gt 1 || ! "$version" =~ ^[4-9][0-9.]*$ ]]; then
  echo "usage: install.sh [VERSION], of 4.0.0 or newer" >&2
  exit 2
fi

# pom is what is pinned, with $version; the tests compare it with what was
# installed.
pom() { sed "s:<kafka.version>.*</kafka.version>:<kafka.version>$version</kafka.version>:" pom.xml; }

install() {
  for tool in java mvn; do
    command -v "$tool" >/dev/null || { echo "install.sh: kafka: there is no $tool" >&2; exit 1; }
  done
  rm -rf "$dir"
  mkdir -p "$dir"
  pom >"$dir/pom.xml"
  mvn --quiet --batch-mode --file "$dir/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$dir/lib"
  pom >"$dir/installed"
}

# archive runs a node once, for the JVM to keep the classes that it loads in the
# form it wants them: that halves the start of every other. Without it the tests
# are slower and otherwise the same.
archive() {
  local run port pid java
  run=$(mktemp -d)
  port=$((20000 + RANDOM % 12000))
  java=(java -XX:+UseSerialGC "-Dlog4j2.configurationFile=$PWD/log4j2.properties" -cp "$dir/lib/*")
  cat >"$run/server.properties" <<END
node.id=1
process.roles=broker,controller
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:$port
listeners=CONTROLLER://127.0.0.1:$port,PLAINTEXT://127.0.0.1:$((port + 1))
log.dirs=$run/data
END
  "${java[@]}" kafka.tools.StorageTool format --cluster-id MkU3OEVBNTcwNTJENDM2Qk --config "$run/server.properties" >/dev/null
  "${java[@]}" "-XX:ArchiveClassesAtExit=$run/classes.jsa" kafka.Kafka "$run/server.properties" >"$run/output.log" 2>&1 &
  pid=$!
  for _ in $(seq 60); do
    if grep -q 'Kafka Server started' "$run/output.log"; then break; fi
    sleep 1
  done
  kill "$pid" 2>/dev/null || true
  wait "$pid" || true
  mv "$run/classes.jsa" "$dir/classes.jsa" || echo "kafka: there is no archive of classes, so that brokers start slowly" >&2
  rm -rf "$run"
}

dir="$root/kafka"
if ! pom | cmp -s - "$dir/installed"; then install; fi
if [ ! -e "$dir/classes.jsa" ]; then archive; fi
echo "kafka: $version is installed in $dir"
for version in 4.1.0 4.1.2; do
  dir="$root/kafka-$version"
  if ! pom | cmp -s - "$dir/installed"; then install; fi
  echo "kafka: $version is installed in $dir"
done
