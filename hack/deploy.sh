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

# engines offers the builds of PostgreSQL whose images the nodes have: Debian decides which those are.
engines() {
  local builds
  builds=$("$KUBECTL" get nodes -o jsonpath='{.items[*].status.images[*].names[*]}' | tr ' ' '\n' |
    sed -n 's#^localhost/postgres:\([0-9]*\.[0-9]*\)$#\1#p' | sort -Vu)
  cat <<YAML
apiVersion: atlasdb.io/v1alpha1
kind: DatabaseEngine
metadata: {name: postgresql}
spec:
  engine: PostgreSQL
  runAsUser: 999
  runAsGroup: 999
  defaultVersion: "$(tail -n 1 <<<"$builds")"
  versions:
$(while read -r build; do echo "    - {name: \"$build\", image: \"localhost/postgres:$build\"}"; done <<<"$builds")
YAML
}

"$KUBECTL" apply -f artifacts/crds >/dev/null
"$KUBECTL" wait --for=condition=Established --timeout=30s \
  crd/databaseclusters.atlasdb.io crd/databaseengines.atlasdb.io crd/databaseoperations.atlasdb.io >/dev/null
if [[ ${1:-} == localkube ]]; then
  manifests artifacts/deploy | sed 's#ghcr.io/atlasdb/atlasdb:[^ "]*#localhost/atlasdb:dev#' | apply
  # The tag is the same after a new build: only a new pod runs it.
  "$KUBECTL" -n atlasdb-system rollout restart deployment/atlasdb-operator >/dev/null
  engines | apply
else
  manifests artifacts/deploy | apply
  manifests artifacts/engines | apply
fi
"$KUBECTL" -n atlasdb-system rollout status deployment/atlasdb-operator --timeout=120s >/dev/null
