#!/usr/bin/env bash
# Builds the image of the application of docker/compose.yaml, pulling nothing:
#   docker/compose/build.sh [TAG]
# TAG is idpool-composeclient unless it is said.
set -euo pipefail
cd "$(dirname "$0")"

tag="${1:-idpool-composeclient}"
architecture=$(docker version --format '{{.Server.Arch}}')
mkdir -p out
(cd ../.. && CGO_ENABLED=0 GOOS=linux GOARCH="$architecture" go build -trimpath -ldflags "-s -w" -o docker/compose/out/composeclient ./internal/composeclient)
docker build --quiet --tag "$tag" .
