#!/usr/bin/env bash
# SPDX-FileCopyrightText: The AtlasDB Authors
# SPDX-License-Identifier: Apache-2.0

# Runs golangci-lint over every module. Arguments are handed on, for instance --fix.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD
LINTER=$(hack/linter.sh)
mkdir -p bin
ln -sf "$LINTER" bin/golangci-lint

# As localkube builds them: with another value all of Kubernetes would be compiled a second time.
export CGO_ENABLED=0
status=0
for module in . hack/tools hack/localkube; do
  (cd "$module" && "$LINTER" run --config "$ROOT/.golangci.yaml" "$@") || status=1
done
go test ./test/lint || status=1 # the rules themselves
exit "$status"
