#!/usr/bin/env bash
# SPDX-FileCopyrightText: The AtlasDB Authors
# SPDX-License-Identifier: Apache-2.0

# Installs AtlasDB on the cluster of KUBECONFIG.
#
#   hack/deploy.sh                 from artifacts/, with the published image and the vendors' images
#   hack/deploy.sh localkube       with the images that localkube has loaded into its nodes
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
KUBECTL=${KUBECTL:-kubectl}

# manifests joins the files of a folder into one stream of documents.
manifests() { for file in "$1"/*.yaml; do echo ---; cat "$file"; done; }

apply() { "$KUBECTL" apply -f - >/dev/null; }

# offers says what can be run here: the builds whose images the nodes have. Debian decides which those are.
offers() {
  local images
  images=$("$KUBECTL" get nodes -o jsonpath='{.items[*].status.images[*].names[*]}' | tr ' ' '\n' | sort -Vu)
  offer PostgreSQL 999 '' postgres
  offer Redis 999 '' valkey redis
  # Debian's ClickHouse is older than ClickHouse Keeper.
  offer ClickHouse 101 "$(builds zookeeper | tail -n 1)" clickhouse
  # Simulated servers, of which `make image` has loaded these; a node tells of a new image only every ten seconds.
  images=$(printf 'localhost/mongo-standin:%s\n' 7.0 8.0)
  offer MongoDB 999 '' mongo-standin | sed '/name: "8.0"/s/}$/, upgradeFrom: ["7.0"]}/'
}

# builds lists the images from these repositories, each repository's by version.
builds() { for repository; do sed -nE "\\#^localhost/$repository:[0-9]+(\.[0-9]+)+\$#p" <<<"$images"; done; }

# offer ENGINE USER ENSEMBLE-IMAGE REPOSITORY... prints the DatabaseEngine of the images from these repositories. The last
# repository's newest build is the default. Nodes that an older localkube has made may have none.
offer() {
  local engine=$1 user=$2 ensemble=${3:+, ensembleImage: \"$3\"} found
  shift 3
  found=$(builds "$@")
  [[ -n $found ]] || return 0
  cat <<YAML
---
apiVersion: atlasdb.io/v1alpha1
kind: DatabaseEngine
metadata: {name: ${engine,,}}
spec:
  engine: $engine
  runAsUser: $user
  runAsGroup: $user
  defaultVersion: "${found##*:}"
  versions:
$(while read -r image; do echo "    - {name: \"${image##*:}\", image: \"$image\"$ensemble}"; done <<<"$found")
YAML
}

"$KUBECTL" apply -f artifacts/crds >/dev/null
"$KUBECTL" wait --for=condition=Established --timeout=30s \
  crd/databaseclusters.atlasdb.io crd/databaseengines.atlasdb.io crd/databaseoperations.atlasdb.io >/dev/null
if [[ ${1:-} == localkube ]]; then
  manifests artifacts/deploy | sed 's#ghcr.io/atlasdb/atlasdb:[^ "]*#localhost/atlasdb:dev#' | apply
  # The tag is the same after a new build: only a new pod runs it.
  "$KUBECTL" -n atlasdb-system rollout restart deployment/atlasdb-operator >/dev/null
  offers | apply
else
  manifests artifacts/deploy | apply
  manifests artifacts/engines | apply
fi
"$KUBECTL" -n atlasdb-system rollout status deployment/atlasdb-operator --timeout=120s >/dev/null
