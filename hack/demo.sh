#!/usr/bin/env bash
# SPDX-FileCopyrightText: The AtlasDB Authors
# SPDX-License-Identifier: Apache-2.0

# make demo: a real, replicated database of the engine ENGINE from nothing, every step with the time since the start.
#
# Without KUBECONFIG it brings a local Kubernetes up. With it, it runs on that cluster, with the vendors' images, in a
# namespace of its own; AtlasDB is installed there only if it is not there yet, and `down` removes only what this made.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
NAMESPACE=atlasdb-demo
ENGINE=${ENGINE:-postgresql}
EXAMPLE=artifacts/examples/$ENGINE/replicated.yaml
# Marks an installation of AtlasDB that `down` may take away again.
MARK=atlasdb.io/demo
BEGAN=$(date +%s%N)

# What differs between engines. CLIENT runs in the shell of a pod that has the engine's image and, in /binding, the
# Secret that applications get; $1 is a host and $2 a statement. The password never leaves the pod. WRITE is the
# statement that leaves a thousand RECORDS, however often it runs, and COUNT the one that answers how many there are.
declare -A CLIENT RECORDS WRITE COUNT

# shellcheck disable=SC2016 # the pod's shell expands it
CLIENT[postgresql]='PGPASSWORD=$(cat /binding/password) PGSSLROOTCERT=/binding/ca.crt PGSSLMODE=verify-full \
  exec psql -X -A -t -v ON_ERROR_STOP=1 -h "$1" -U "$(cat /binding/username)" -d "$(cat /binding/database)" -c "$2"'
RECORDS[postgresql]=rows
WRITE[postgresql]="CREATE TABLE IF NOT EXISTS greetings (n int PRIMARY KEY, words text);
  INSERT INTO greetings SELECT n, 'hello ' || n FROM generate_series(1, 1000) n ON CONFLICT DO NOTHING"
COUNT[postgresql]="SELECT count(*) FROM greetings"

# Statements are Lua. redis-cli checks who has signed the server's certificate, and never the name in it: that is
# enough as long as the authority signs for this cluster alone.
# shellcheck disable=SC2016 # the pod's shell expands it
CLIENT[redis]='REDISCLI_AUTH=$(cat /binding/password) \
  exec redis-cli -e --tls --cacert /binding/ca.crt -h "$1" --user "$(cat /binding/username)" EVAL "$2" 0'
RECORDS[redis]=keys
WRITE[redis]="for n = 1, 1000 do redis.call('SET', 'greeting:' .. n, 'hello ' .. n) end"
COUNT[redis]="return redis.call('DBSIZE')"

# The client takes a password from a file in every version, from the environment only in the newest. Debian's build
# compares the certificate's names with an address, and so with none; it must be told on which members a table is to be,
# and where in the Keeper.
CLIENT[clickhouse]=$(cat <<'SH'
names=true
case $(clickhouse-client --version) in
*" 18."*)
  names=false everywhere=" ON CLUSTER '{cluster}'"
  path="('/clickhouse/tables/{shard}/app/greetings', '{replica}')" ;;
esac
cat >/tmp/client.xml <<XML
<config>
  <user>$(cat /binding/username)</user><password>$(cat /binding/password)</password>
  <openSSL><client>
    <caConfig>/binding/ca.crt</caConfig><verificationMode>strict</verificationMode>
    <extendedVerification>$names</extendedVerification>
    <invalidCertificateHandler><name>RejectCertificateHandler</name></invalidCertificateHandler>
  </client></openSSL>
</config>
XML
exec clickhouse-client --config-file=/tmp/client.xml --secure --host "$1" --port "$(cat /binding/port)" \
  --database "$(cat /binding/database)" --multiquery \
  --query "$(printf %s "$2" | sed "s#EXISTS greetings#&${everywhere:-}#; s#ReplicatedMergeTree#&${path:-}#")"
SH
)
RECORDS[clickhouse]=rows
WRITE[clickhouse]="CREATE TABLE IF NOT EXISTS greetings (n UInt32, words String)
  ENGINE = ReplicatedMergeTree ORDER BY n;
  INSERT INTO greetings SELECT number + 1 AS n, concat('hello ', toString(n)) FROM system.numbers LIMIT 1000"
COUNT[clickhouse]="SELECT count(DISTINCT n) FROM greetings"

# The vendor's image has mongosh. The stand-in that the local Kubernetes runs comes with a client by the vendor's driver.
# shellcheck disable=SC2016 # the pod's shell expands it
CLIENT[mongodb]='case $2 in
  write) script="try {
    db.greetings.insertMany([...Array(1000).keys()].map(n => ({_id: n + 1, words: \"hello \" + (n + 1)})), {ordered: false})
  } catch (e) { if (e.code != 11000) throw e }" ;;
  count) script="print(db.greetings.countDocuments({}))" ;;
esac
command -v mongosh >/dev/null || exec mongo-client "$2" "$1" /binding
cat >/tmp/client.js <<JS
db = connect("mongodb://" + encodeURIComponent("$(cat /binding/username)") + ":" +
  encodeURIComponent("$(cat /binding/password)") + "@$1:$(cat /binding/port)/$(cat /binding/database)" +
  "?authSource=admin&directConnection=true&tls=true&tlsCAFile=/binding/ca.crt");
$script
JS
exec mongosh --nodb --quiet --norc /tmp/client.js'
RECORDS[mongodb]=documents
WRITE[mongodb]='write'
COUNT[mongodb]='count'

say() {
  local ms=$((($(date +%s%N) - BEGAN) / 1000000))
  printf '%4d.%ds  %s\n' $((ms / 1000)) $((ms % 1000 / 100)) "$*"
}

# target decides which cluster it is: the user's, or the local one.
target() {
  if [[ -n ${KUBECONFIG:-} ]]; then
    LOCAL='' KUBECTL=${KUBECTL:-kubectl}
    return
  fi
  LOCAL=yes KUBECTL=${ATLASDB_CACHE:-/var/cache/atlasdb}/bin/kubectl
}

k() { "$KUBECTL" -n "$NAMESPACE" "$@"; }

install_atlasdb() {
  export KUBECTL
  if [[ -n $LOCAL ]]; then
    make --no-print-directory localkube-up image
    KUBECONFIG=$(bin/localkube --name "${LOCALKUBE_NAME:-dev}" kubeconfig)
    export KUBECONFIG
    say "local Kubernetes is up, the image of AtlasDB is in its nodes"
    hack/deploy.sh localkube
  elif ! "$KUBECTL" get crd databaseclusters.atlasdb.io >/dev/null 2>&1; then
    hack/deploy.sh
    "$KUBECTL" annotate namespace atlasdb-system "$MARK=installed" >/dev/null
  fi
  say "AtlasDB is installed"
}

# example is the manifest. The local Kubernetes has Debian's builds, which need not be of the version that it names.
example() {
  local version
  [[ -n $LOCAL ]] || { cat "$EXAMPLE"; return; }
  version=$(k get databaseengine "$ENGINE" -o jsonpath='{.spec.defaultVersion}')
  sed "s/^  version: .*/  version: \"$version\"/" "$EXAMPLE"
}

# client_pod has the engine's own client, from its image, and the Secret of the binding as files.
client_pod() {
  local user
  user=$(k get databaseengine "$ENGINE" -o jsonpath='{.spec.runAsUser}')
  cat <<YAML
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: $NAMESPACE}
spec:
  terminationGracePeriodSeconds: 0
  securityContext: {runAsNonRoot: true, runAsUser: $user, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: client
      image: $(k get databasecluster "$CLUSTER" -o jsonpath='{.status.version.image}')
      command: [sleep, infinity]
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
      volumeMounts: [{name: binding, mountPath: /binding}]
  volumes: [{name: binding, secret: {secretName: $CLUSTER-app, defaultMode: 0444}}]
YAML
}

# ask SERVICE STATEMENT asks through a Service as an application would: over TLS, and with the authority of the binding.
ask() { k exec client -- sh -c "${CLIENT[$ENGINE]}" sh "$1.$NAMESPACE.svc" "$2"; }

# insert asks until the write is taken: where any member takes writes, the others may have yet to hear of a new table.
insert() {
  local tries said
  for tries in {1..50}; do
    said=$(ask "$CLUSTER-rw" "${WRITE[$ENGINE]}" 2>&1) && return
    sleep 0.2
  done
  echo "$CLUSTER-rw takes no writes after $tries tries: $said" >&2
  return 1
}

read_back() {
  local tries found
  for tries in {1..50}; do # a replica may be a moment behind
    found=$(ask "$CLUSTER-ro" "${COUNT[$ENGINE]}" 2>/dev/null) && [[ $found == 1000 ]] && return
  done
  echo "$CLUSTER-ro has ${found:-no} ${RECORDS[$ENGINE]} after $tries tries" >&2
  return 1
}

up() {
  target
  [[ -n ${CLIENT[$ENGINE]:-} ]] || { echo "no demo of ENGINE=$ENGINE, only of: ${!CLIENT[*]}" >&2; exit 1; }
  install_atlasdb
  "$KUBECTL" create namespace "$NAMESPACE" --dry-run=client -o yaml | "$KUBECTL" apply -f - >/dev/null
  "$KUBECTL" label namespace "$NAMESPACE" --overwrite pod-security.kubernetes.io/enforce=restricted >/dev/null
  example | k apply -f -
  say "applied $EXAMPLE"
  CLUSTER=$(k get -f "$EXAMPLE" -o jsonpath='{.metadata.name}')
  k wait --for=condition=Available "databasecluster/$CLUSTER" --timeout=300s >/dev/null
  say "$CLUSTER accepts writes"
  client_pod | "$KUBECTL" apply -f - >/dev/null
  k wait --for=condition=Ready "databasecluster/$CLUSTER" pod/client --timeout=300s >/dev/null
  say "every member is ready"
  insert
  say "wrote 1000 ${RECORDS[$ENGINE]} through $CLUSTER-rw"
  read_back
  say "read them back through $CLUSTER-ro"
  echo
  k get databasecluster,pods
  hints
}

hints() {
  cat <<TEXT

${LOCAL:+export KUBECONFIG=$KUBECONFIG
}What to try next:
  $KUBECTL -n $NAMESPACE get adb -w
  $KUBECTL -n $NAMESPACE delete pod $CLUSTER-db-1
  $KUBECTL -n $NAMESPACE scale adb/$CLUSTER --replicas=2
  $KUBECTL -n $NAMESPACE describe adb $CLUSTER
  make demo-down
TEXT
}

down() {
  target
  if [[ -n $LOCAL ]]; then
    make --no-print-directory localkube-down
    return
  fi
  "$KUBECTL" delete namespace "$NAMESPACE" --ignore-not-found
  [[ $("$KUBECTL" get namespace atlasdb-system --ignore-not-found \
    -o jsonpath='{.metadata.annotations.atlasdb\.io/demo}') == installed ]] || return 0
  if [[ -n $("$KUBECTL" get databaseclusters -A -o name) ]]; then
    echo "AtlasDB stays, because there are DatabaseClusters outside of $NAMESPACE" >&2
    return
  fi
  "$KUBECTL" delete -f artifacts/deploy -f artifacts/crds --ignore-not-found
}

case ${1:-} in
up | down) "$1" ;;
*) echo "usage: hack/demo.sh up|down" >&2; exit 2 ;;
esac
