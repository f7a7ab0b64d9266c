#!/usr/bin/env bash
# SPDX-FileCopyrightText: The AtlasDB Authors
# SPDX-License-Identifier: Apache-2.0

# Has programs that others wrote understand what AtlasDB says to a MongoDB: FerretDB, a server of its protocol, which is
# built from its Go module, and mongosh, the vendor's shell, from npm. It is no part of CI. What cannot be fetched is
# skipped, and this says so.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
FERRETDB=v1.24.0 MONGOSH=2.12.0
FERRETDB_FOLDER=$ATLASDB_CACHE/ferretdb-$FERRETDB MONGOSH_FOLDER=$ATLASDB_CACHE/mongosh-$MONGOSH

# build_ferretdb builds from a copy of the module's source: its program wants a file that the module has not, and its
# dependencies are those of its own go.mod.
build_ferretdb() {
  local source work=$1
  source=$(go mod download -json "github.com/FerretDB/FerretDB@$FERRETDB" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
  [[ -n $source ]] && cp -r "$source/." "$work" && chmod -R u+w "$work" &&
    echo "$FERRETDB" >"$work/build/version/version.txt" && mkdir -p "$FERRETDB_FOLDER" &&
    (cd "$work" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$FERRETDB_FOLDER/ferretdb" ./cmd/ferretdb)
}

if [[ ! -x $FERRETDB_FOLDER/ferretdb ]]; then
  echo "Building FerretDB $FERRETDB: two minutes or more" >&2
  WORK=$(mktemp -d)
  build_ferretdb "$WORK" ||
    echo "SKIPPED: FerretDB $FERRETDB cannot be fetched as a Go module and built; nothing is proved on it" >&2
  rm -rf "$WORK"
fi
if [[ ! -e $MONGOSH_FOLDER/node_modules/.bin/mongosh ]]; then
  echo "Fetching mongosh@$MONGOSH" >&2
  npm install --silent --no-audit --no-fund --ignore-scripts --omit=optional --prefix "$MONGOSH_FOLDER" \
    "mongosh@$MONGOSH" ||
    { echo "SKIPPED: mongosh@$MONGOSH cannot be fetched by npm; nothing is proved with it" >&2; rm -rf "$MONGOSH_FOLDER"; }
fi
mkdir -p bin
CGO_ENABLED=0 go build -o bin/mongod-standin ./test/standin/mongod
ATLASDB_FERRETDB=$FERRETDB_FOLDER/ferretdb ATLASDB_MONGOSH=$MONGOSH_FOLDER/node_modules/.bin/mongosh \
  ATLASDB_STANDIN=$PWD/bin/mongod-standin go test -count=1 -v -tags=ferretdb -run='^Test(FerretDB|Mongosh)' \
  ./test/mongodb ./pkg/agent/mongodb
