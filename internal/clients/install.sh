#!/usr/bin/env bash
# Installs the pinned libraries of a language that the tests of this folder, and
# of kafka below it, run:
#   internal/clients/install.sh node|python|java
#   internal/clients/install.sh kafka-java|kafka-python|kafka-node|spring
# into $IDPOOL_CLIENTS, or idpool-clients in the user's cache folder, and never
# into the checkout. Once installed it is done in no time.
set -euo pipefail
cd "$(dirname "$0")/testdata"

case "$(uname)" in
  Darwin) cache="$HOME/Library/Caches" ;;
  *) cache="${XDG_CACHE_HOME:-$HOME/.cache}" ;;
esac
language="${1:-}"
dir="${IDPOOL_CLIENTS:-$cache/idpool-clients}/$language"

# What is pinned; the tests compare it with what was installed.
case "$language" in
  node) pins=(node/package.json node/package-lock.json) ;;
  python) pins=(python/requirements.txt) ;;
  java) pins=(java/pom.xml) ;;
  kafka-java) pins=(../kafka/testdata/java/pom.xml) ;;
  kafka-python) pins=(../kafka/testdata/python/requirements.txt) ;;
  kafka-node) pins=(../kafka/testdata/node/package.json ../kafka/testdata/node/package-lock.json) ;;
  spring) pins=(../kafka/testdata/spring/pom.xml) ;;
  *) echo "usage: install.sh node|python|java|kafka-java|kafka-python|kafka-node|spring" >&2; exit 2 ;;
esac

need() {
  for tool; do
    command -v "$tool" >/dev/null || { echo "install.sh: $language: there is no $tool" >&2; exit 1; }
  done
}

if cat "${pins[@]}" | cmp -s - "$dir/installed"; then
  echo "$language: installed in $dir"
  exit 0
fi
rm -rf "$dir"
mkdir -p "$dir"
case "$language" in
  node | kafka-node)
    need node npm
    if ! node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)'; then
      echo "install.sh: node: $(node --version) is too old, want 20 or newer" >&2
      exit 1
    fi
    cp "${pins[@]}" "$dir"
    npm ci --prefix "$dir" --ignore-scripts --no-audit --no-fund
    ;;
  python | kafka-python)
    need python3
    python3 -m venv "$dir/venv"
    "$dir/venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "${pins[0]}"
    ;;
  java | spring)
    need javac mvn
    cp "${pins[@]}" "$dir"
    mvn --quiet --batch-mode --file "$dir/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$dir/lib"
    ;;
  kafka-java)
    need javac mvn
    cp "${pins[@]}" "$dir"
    for version in 3.9 4; do
      mvn --quiet --batch-mode --file "$dir/pom.xml" --activate-profiles "$version" dependency:copy-dependencies "-DoutputDirectory=$dir/$version"
    done
    ;;
esac
cat "${pins[@]}" >"$dir/installed"
echo "$language: installed in $dir"
