#!/usr/bin/env bash
# SPDX-FileCopyrightText: The AtlasDB Authors
# SPDX-License-Identifier: Apache-2.0

# Runs golangci-lint over every module. Arguments are handed on, for instance --fix.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD
VERSION=v2.15.0
# Outside the checkout and by version: the build takes minutes, and a new checkout or branch should not pay it again.
FOLDER=${ATLASDB_CACHE:-/var/cache/atlasdb}/bin/golangci-lint-$VERSION

if [[ ! -x $FOLDER/golangci-lint ]]; then
  echo "Building golangci-lint $VERSION"
  GOBIN=$FOLDER go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$VERSION"
fi
mkdir -p bin
ln -sf "$FOLDER/golangci-lint" bin/golangci-lint

# As localkube builds them: with another value all of Kubernetes would be compiled a second time.
export CGO_ENABLED=0
status=0
for module in . hack/tools hack/localkube; do
  (cd "$module" && "$ROOT/bin/golangci-lint" run --config "$ROOT/.golangci.yaml" "$@") || status=1
done
go test ./test/lint || status=1 # the rules themselves
exit "$status"
