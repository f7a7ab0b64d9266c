#!/usr/bin/env bash
# SPDX-FileCopyrightText: The AtlasDB Authors
# SPDX-License-Identifier: Apache-2.0

# Prints where golangci-lint is, and builds it first where it is not. Outside the checkout and by version: the build takes
# minutes, and a new checkout or branch should not pay it again.
set -o errexit -o nounset -o pipefail

VERSION=v2.15.0
FOLDER=${ATLASDB_CACHE:-/var/cache/atlasdb}/bin/golangci-lint-$VERSION

if [[ ! -x $FOLDER/golangci-lint ]]; then
  echo "Building golangci-lint $VERSION" >&2
  GOBIN=$FOLDER go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$VERSION"
fi
echo "$FOLDER/golangci-lint"
