#!/usr/bin/env bash
# Deploy a plan: tables and views first, then code; a synthetic case through it all; then five minutes without errors.
# When one of them does not hold, every function serves the revision that it served before.
set -euo pipefail
cd "$(dirname "$0")"
: "${STAGE:?dev, test or prod}" "${REGION:?}" "${GOOGLE_CLOUD_PROJECT:?}"
WATCH_SECONDS=${WATCH_SECONDS:-300}
for tool in terraform gcloud python3 ../.venv/bin/bvr; do
  command -v "$tool" >/dev/null || { echo "$tool is not here: nothing was changed" >&2; exit 2; }
done
../.venv/bin/bvr --help >/dev/null || { echo "bvr does not start here: nothing was changed" >&2; exit 2; }
if [ "${ONLY_PLAN:-no}" = yes ]; then
  echo "only the plan was asked for"
  exit 0
fi

functions=$(python3 -c 'import json; print(*json.load(open("topology.auto.tfvars.json"))["functions"])')
before=$(mktemp)
for name in $functions; do
  revision=$(gcloud run services describe "$name" --region="$REGION" --format='value(status.latestReadyRevisionName)' || true)
  echo "$name $revision" >>"$before"
done

back() {
  echo "ROLLING BACK: $1" >&2
  while read -r name revision; do
    [ -z "$revision" ] || gcloud run services update-traffic "$name" --region="$REGION" --to-revisions="$revision=100" --quiet
  done <"$before"
  exit 1
}

given=(-var-file="environments/$STAGE.tfvars" -var="source_archive=$(cat ../functions.name)" -var="connector_image=$(cat ../konnektor.digest)")
# What is new in a table is there before the code that writes it; what is gone from it stays until the next plan.
terraform apply -input=false -auto-approve "${given[@]}" \
  -target=google_bigquery_dataset.all -target=google_bigquery_table.all -target=module.views_4
terraform apply -input=false -auto-approve "${given[@]}" \
  -target=google_cloudfunctions2_function.all -target=google_cloud_run_v2_worker_pool.connector ||
  back "the code could not be deployed"

../.venv/bin/bvr smoke --timeout 120 || back "no receipt of the synthetic case"

since=$(date -u +%Y-%m-%dT%H:%M:%SZ)
sleep "$WATCH_SECONDS"
found=$(mktemp)
gcloud logging read "resource.type=\"cloud_run_revision\" AND severity>=ERROR AND timestamp>=\"$since\"" --limit=100 --format='value(insertId)' >"$found" ||
  back "the logs could not be read"
errors=$(wc -l <"$found")
[ "$errors" -lt 5 ] || back "$errors errors in ${WATCH_SECONDS} s"
echo "deployed to $STAGE"
