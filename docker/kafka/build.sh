#!/usr/bin/env bash
# Builds an image of Apache Kafka, pulling nothing:
#   docker/kafka/build.sh [TAG]
# TAG is idpool-kafka unless it is said. The jars are those that
# internal/kafkabroker/install.sh has put into the user's cache folder, and Java
# with the libraries that it is linked with is this machine's. It takes the
# settings that apache/kafka takes: KAFKA_IMAGE=idpool-kafka docker compose …
set -euo pipefail
cd "$(dirname "$0")"

tag="${1:-idpool-kafka}"
out=out
jars="${IDPOOL_CLIENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/idpool-clients}/kafka/lib"

for tool in docker go java ldd; do
  command -v "$tool" >/dev/null || { echo "build.sh: there is no $tool" >&2; exit 1; }
done
[ -d "$jars" ] || { echo "build.sh: there is no $jars; internal/kafkabroker/install.sh makes it" >&2; exit 1; }

# The parts of Java that Kafka uses; its logging uses the desktop's beans.
modules=java.base,java.desktop,java.logging,java.management,java.naming,java.security.jgss,java.security.sasl,java.sql,java.xml
modules+=,jdk.crypto.ec,jdk.management,jdk.naming.dns,jdk.unsupported,jdk.zipfs

# runtime puts Java into the image: those parts of a JDK, or all of a JRE.
runtime() {
  local home
  home=$(java -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java\.home = //p')
  if [ -d "$home/jmods" ] && [ -x "$home/bin/jlink" ]; then
    "$home/bin/jlink" --add-modules "$modules" --no-header-files --no-man-pages --strip-debug --output "$out/opt/java"
  else
    mkdir -p "$out/opt/java"
    # Debian has some files elsewhere and links to them; others lead nowhere.
    for part in bin conf lib; do (cd "$home" && find -L "$part" -type f) | tar -C "$home" -ch -T - | tar -x -C "$out/opt/java"; done
  fi
  # The archive of Java's own classes, which halves its start.
  "$out/opt/java/bin/java" -Xshare:dump >/dev/null 2>&1 || echo "build.sh: there is no archive of classes, so that Kafka starts slowly" >&2
}

# libraries are those of this machine that Java is linked with, and the loader,
# by the names under which they are looked for.
libraries() {
  find "$out/opt/java/bin/java" "$out/opt/java/lib" \( -name java -o -name '*.so' \) -exec ldd {} + 2>/dev/null |
    grep -o '/[^ :]*\.so[^ :]*' | grep -v "/opt/java/" | sort -u
}

rm -rf "$out"
mkdir -p "$out/etc" "$out/mnt/shared/config" "$out/opt/kafka/config" "$out/opt/kafka/libs"
runtime
for library in $(libraries); do
  mkdir -p "$out$(dirname "$library")"
  cp -L "$library" "$out$library"
done
cp "$jars"/*.jar "$out/opt/kafka/libs/"
cp log4j2.properties "$out/opt/kafka/config/"
echo "hosts: files dns" >"$out/etc/nsswitch.conf"
# Written to by the image's user, whom a COPY does not ask.
install -d -m 1777 "$out/tmp" "$out/var/lib/kafka/data"
CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$out/kafka" .

docker build --quiet --tag "$tag" .
