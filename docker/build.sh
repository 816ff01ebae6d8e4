#!/usr/bin/env bash
# Builds the image of idpool, pulling nothing; --help says how. It runs in the
# bash 3.2 of macOS too, and with either kind of date.
set -euo pipefail
umask 022 # the image keeps the modes of the files

usage() {
  cat <<'END'
Builds the image of idpool FROM scratch, pulling nothing.

Usage: docker/build.sh [--this-machine-only] [--binaries-only] [TAG]

  TAG                  the image's name, "idpool" unless it is said. A name without
                       a version is given the version too (idpool:v1.2.3), and the
                       image of the other architecture is TAG-arm64 or TAG-amd64.
  --this-machine-only  only the architecture of the Docker daemon, or of this machine
  --binaries-only      only docker/out, the build context, without Docker:
                       docker buildx build -f docker/Dockerfile docker/out
  -h, --help           this

Environment:
  VERSION              what "idpool version" says (default: git describe)
  SOURCE_DATE_EPOCH    when it was made, in seconds (default: the commit's date)
  DOCKER_HOST, DOCKER_CONTEXT, DOCKER_BUILDKIT, GOPROXY …  as for docker and go

The same commit, Go and VERSION give the same binaries in any folder. Clones without
the tags, such as shallow ones, find another VERSION.
END
}

# stop MESSAGE: ends with it as the last line.
stop() {
  echo "build.sh: $*" >&2
  exit 1
}

# say MESSAGE: what is done, with the seconds since the start.
say() { printf '%3ds  %s\n' "$SECONDS" "$*"; }

# need COMMAND WHERE: refuses to begin without it.
need() { command -v "$1" >/dev/null || stop "there is no command \"$1\": $2"; }

# read_arguments ARGUMENT…: sets tag, machine_only and binaries_only.
read_arguments() {
  tag="" machine_only="" binaries_only=""
  for argument in "$@"; do
    case "$argument" in
      -h | --help) usage; exit 0 ;;
      --this-machine-only) machine_only=yes ;;
      --binaries-only) binaries_only=yes ;;
      -*) stop "there is no option $argument; --help lists them" ;;
      *) [ -z "$tag" ] || stop "one TAG, got \"$tag\" and \"$argument\""; tag="$argument" ;;
    esac
  done
  tag="${tag:-idpool}"
  case "$tag" in
    *[!a-z0-9._/:-]*:* | *[!A-Za-z0-9._/:-]*) stop "TAG: \"$tag\" is no name of an image" ;;
    *:*) ;;
    *[A-Z]*) stop "TAG: \"$tag\" is no name of an image, want lower case" ;;
  esac
}

# find_daemon sets architecture, the one that the daemon runs.
find_daemon() {
  need docker "install Docker, or take --binaries-only"
  architecture=$(docker version --format '{{.Server.Arch}}') ||
    stop "no Docker daemon answers at ${DOCKER_HOST:-the default address}: start one (dockerd, systemctl start docker, Docker Desktop), set DOCKER_HOST to one that runs, or take --binaries-only"
  case "$architecture" in
    amd64 | arm64) ;;
    *) stop "the Docker daemon runs $architecture, and the image is for amd64 and arm64" ;;
  esac
}

# in_git COMMAND…: git of this repository, which takes no lock of its own accord.
in_git() { [ -e "$root/.git" ] && GIT_OPTIONAL_LOCKS=0 git -C "$root" "$@"; }

# check_experiments refuses what no variable can take back: an empty GOEXPERIMENT is
# that of "go env -w".
check_experiments() {
  local experiments
  experiments=$(GOEXPERIMENT='' go env GOEXPERIMENT)
  [ -z "$experiments" ] || stop "\"go env -w\" has set GOEXPERIMENT=$experiments, which gives another binary: go env -u GOEXPERIMENT"
}

# find_version sets version, revision and created.
find_version() {
  # With a length that is said: the one that git finds differs between clones.
  version="${VERSION:-$(in_git describe --tags --always --dirty --abbrev=12 || echo unknown)}"
  case "$version" in
    *[!A-Za-z0-9._+-]*) stop "VERSION: \"$version\" is no version, want letters, digits and . _ + -" ;;
  esac
  revision=$(in_git rev-parse HEAD || true)
  local seconds="${SOURCE_DATE_EPOCH:-$(in_git show -s --format=%ct HEAD || date +%s)}"
  # BSD's date, or else GNU's.
  created=$(date -u -r "$seconds" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -d "@$seconds" +%Y-%m-%dT%H:%M:%SZ) ||
    stop "SOURCE_DATE_EPOCH: \"$seconds\" is no number of seconds since 1970"
}

# read_flags sets flags to the lines of buildflags, with the version.
read_flags() {
  flags=()
  local line
  while IFS= read -r line; do
    case "$line" in
      "" | "#"*) ;;
      -ldflags=*) flags+=("$line -X main.version=$version") ;;
      *) flags+=("$line") ;;
    esac
  done <"$here/buildflags"
}

# build_binary ARCHITECTURE: everything of the context for it.
build_binary() {
  say "the binary for linux/$1, $version"
  mkdir -p "$context/$1/own/state"
  chmod 1777 "$context/$1/own/state"
  # What else could change the binary. An empty GOFLAGS would be that of "go env -w".
  (cd "$root" && CGO_ENABLED=0 GOOS=linux GOARCH="$1" GOAMD64=v1 GOARM64=v8.0 GOFIPS140=off GOFLAGS=-mod=readonly GOWORK=off GOEXPERIMENT='' GO_EXTLINK_ENABLED=0 \
    go build "${flags[@]}" -o "$context/$1/idpool" ./cmd/idpool)
  cp "$context/ca-certificates.crt" "$context/$1/"
}

# publish ARCHITECTURE: to docker/out, where another run may be reading.
publish() {
  mkdir -p "$here/out/$1/own/state"
  chmod 1777 "$here/out/$1/own/state"
  mv -f "$context/$1/idpool" "$context/$1/ca-certificates.crt" "$here/out/$1/"
}

# build_image ARCHITECTURE NAME: without the cache, by which nothing would be saved.
# The builder of before BuildKit builds FROM scratch for the daemon's architecture
# only, so that the description of the image is changed after it.
build_image() {
  say "the image $2 for linux/$1"
  local platform="linux/$1" change=""
  if [ "$1" != "$architecture" ] && ! has_buildkit; then platform="linux/$architecture" change=yes; fi
  docker build --quiet --no-cache --file "$here/Dockerfile" --platform "$platform" --build-arg TARGETARCH="$1" --tag "$2" \
    --build-arg VERSION="$version" --build-arg REVISION="$revision" --build-arg CREATED="$created" "$context" >/dev/null
  if [ -n "$change" ]; then
    local unchanged
    unchanged=$(docker image inspect --format '{{.Id}}' "$2")
    docker save "$2" | go_run ./architecture "$1" | docker load --quiet >/dev/null
    docker rmi "$unchanged" >/dev/null
  fi
}

# has_buildkit says whether docker build is by BuildKit.
has_buildkit() { [ "${DOCKER_BUILDKIT:-1}" != 0 ] && docker buildx version >/dev/null 2>&1; }

# go_run PACKAGE ARGUMENT…: a program of this folder, on this machine.
go_run() { (cd "$here" && GOOS='' GOARCH='' GOFLAGS=-mod=readonly GOWORK=off go run "$@"); }

# tag_version: idpool is idpool:v1.2.3 too; idpool:mine is as it was called.
tag_version() {
  case "${tag##*/}" in
    *:*) ;;
    *) docker tag "$tag" "$tag:$(printf %s "$version" | tr + _)" ;;
  esac
}

read_arguments "$@"
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
need go "install Go, https://go.dev/dl"
check_experiments
if [ -z "$binaries_only" ]; then find_daemon; else architecture=$(go env GOHOSTARCH); fi
find_version
read_flags
architectures="$architecture"
case "$machine_only$architecture" in
  yes*) ;;
  arm64) architectures="arm64 amd64" ;;
  *) architectures="amd64 arm64" ;;
esac

# A context of its own: runs at the same time do not see half of each other's.
context=$(mktemp -d "$here/out.XXXXXX")
trap 'rm -rf "$context"' EXIT

say "the public authorities"
go_run ./roots >"$context/ca-certificates.crt"
for each in $architectures; do build_binary "$each"; done
if [ -z "$binaries_only" ]; then
  for each in $architectures; do
    if [ "$each" = "$architecture" ]; then name="$tag"; else name="$tag-$each"; fi
    build_image "$each" "$name"
  done
  tag_version
fi
for each in $architectures; do publish "$each"; done
say "done"
