resource "google_service_account" "all" {
  for_each = var.service_accounts

  account_id   = each.key
  display_name = each.value
}

locals {
  members = { for name, account in google_service_account.all : name => "serviceAccount:${account.email}" }
  grants = {
    publish = merge([for who, one in var.access : { for topic in one.publish : "${who}|${topic}" => { who = who, topic = topic } }]...)
    buckets = merge([for who, one in var.access : { for name, role in one.buckets : "${who}|${name}" => { who = who, name = name, role = role } }]...)
    tables  = merge([for who, one in var.access : { for name, role in one.tables : "${who}|${name}" => { who = who, name = name, role = role } }]...)
    sets    = merge([for who, one in var.access : { for name, role in one.datasets : "${who}|${name}" => { who = who, name = name, role = role } }]...)
    secrets = merge([for who, one in var.access : { for name in one.secrets : "${who}|${name}" => { who = who, name = name } }]...)
    keys    = merge([for who, one in var.access : { for name, role in one.keys : "${who}|${name}" => { who = who, name = name, role = role } }]...)
  }
}

resource "google_pubsub_topic_iam_member" "publish" {
  for_each = local.grants.publish

  topic  = google_pubsub_topic.all[each.value.topic].id
  role   = "roles/pubsub.publisher"
  member = local.members[each.value.who]
}

resource "google_storage_bucket_iam_member" "all" {
  for_each = local.grants.buckets

  bucket = google_storage_bucket.all[each.value.name].name
  role   = "roles/storage.${each.value.role}"
  member = local.members[each.value.who]
}

resource "google_bigquery_table_iam_member" "all" {
  for_each = local.grants.tables

  dataset_id = split(".", each.value.name)[0]
  table_id   = split(".", each.value.name)[1]
  role       = "roles/bigquery.${each.value.role}"
  member     = local.members[each.value.who]

  depends_on = [google_bigquery_table.all, module.views_4]
}

resource "google_bigquery_dataset_iam_member" "all" {
  for_each = local.grants.sets

  dataset_id = google_bigquery_dataset.all[each.value.name].dataset_id
  role       = "roles/bigquery.${each.value.role}"
  member     = local.members[each.value.who]
}

# To ask at all is a right by project; what may be asked of is above.
resource "google_project_iam_member" "jobs" {
  for_each = toset([for who, one in var.access : who if one.jobs])

  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = local.members[each.key]
}

resource "google_secret_manager_secret_iam_member" "all" {
  for_each = local.grants.secrets

  secret_id = google_secret_manager_secret.all[each.value.name].id
  role      = "roles/secretmanager.secretAccessor"
  member    = local.members[each.value.who]
}

resource "google_kms_crypto_key_iam_member" "all" {
  for_each = local.grants.keys

  crypto_key_id = local.keys[each.value.name]
  role          = "roles/cloudkms.${each.value.role}"
  member        = local.members[each.value.who]
}

# Who may call a function: the account of each push and each schedule; an API is called by anybody with a token.
locals {
  calls = merge(
    { for name, one in var.subscriptions : "${one.push.function}|${one.push.service_account}" =>
    { function = one.push.function, member = local.members[one.push.service_account] }... if one.push != null },
    { for name, one in var.schedules : "${one.function}|${one.service_account}" =>
    { function = one.function, member = local.members[one.service_account] }... },
  )
  apis = ["uttrekk", "innsending-api"]
}

resource "google_cloud_run_service_iam_member" "calls" {
  for_each = local.calls

  location = var.region
  service  = google_cloudfunctions2_function.all[each.value[0].function].name
  role     = "roles/run.invoker"
  member   = each.value[0].member
}

# The token of Maskinporten is the lock (bvr/api/maskinporten.py); Google's own identity has no part in it, and only the
# load balancer reaches these two.
resource "google_cloud_run_service_iam_member" "apis" {
  # checkov:skip=CKV_GCP_102:only the load balancer reaches them, and the token of Maskinporten is the lock
  for_each = var.api_host == "" ? toset([]) : toset(local.apis)

  location = var.region
  service  = google_cloudfunctions2_function.all[each.key].name
  role     = "roles/run.invoker"
  member   = "allUsers"
}

# Pub/Sub makes the tokens of its pushes.
resource "google_service_account_iam_member" "push_tokens" {
  service_account_id = google_service_account.all["push"].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = "serviceAccount:${local.agents.pubsub}"
}

resource "google_bigquery_dataset_iam_member" "analysts" {
  for_each = var.analysts

  dataset_id = google_bigquery_dataset.all["analyse"].dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = each.key
}

resource "google_project_iam_member" "analysts" {
  for_each = var.analysts

  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = each.key
}

# Cloud Build deploys code and tables, as itself, and acts as the functions' accounts. It changes no rights and no keys.
resource "google_project_iam_member" "build" {
  for_each = toset([
    "artifactregistry.writer", "browser", "cloudfunctions.developer", "cloudkms.viewer", "iam.serviceAccountViewer",
    "logging.logWriter", "logging.viewer", "run.developer", "secretmanager.viewer", "serviceusage.serviceUsageViewer",
  ])

  project = var.project
  role    = "roles/${each.key}"
  member  = local.members["bygg"]
}

# What there is no narrow role for: columns without rows, and a subscription of its own to wait for a receipt on.
resource "google_project_iam_custom_role" "build" {
  role_id = "bvrBygg"
  title   = "Tables without rows, and the smoke test's receipt"
  permissions = [
    "bigquery.datasets.get", "bigquery.routines.create", "bigquery.routines.get", "bigquery.routines.update",
    "bigquery.tables.create", "bigquery.tables.get", "bigquery.tables.list", "bigquery.tables.update",
    "pubsub.subscriptions.consume", "pubsub.subscriptions.create", "pubsub.subscriptions.delete",
    "pubsub.subscriptions.get", "pubsub.topics.attachSubscription", "pubsub.topics.get", "storage.buckets.get",
  ]
}

resource "google_project_iam_member" "build_own" {
  project = var.project
  role    = google_project_iam_custom_role.build.id
  member  = local.members["bygg"]
}

# The state, and the code of each build.
resource "google_storage_bucket_iam_member" "state" {
  bucket = "${var.project}-tilstand"
  role   = "roles/storage.objectUser"
  member = local.members["bygg"]
}

resource "google_storage_bucket_iam_member" "build" {
  bucket = google_storage_bucket.own["bygg"].name
  role   = "roles/storage.objectUser"
  member = local.members["bygg"]
}

resource "google_service_account_iam_member" "build" {
  for_each = toset([for one in values(var.functions) : one.service_account])

  service_account_id = google_service_account.all[each.key].name
  role               = "roles/iam.serviceAccountUser"
  member             = local.members["bygg"]
}

# Each function writes its traces and metrics, and reads none.
resource "google_project_iam_member" "telemetry" {
  for_each = {
    for one in setproduct(toset([for one in values(var.functions) : one.service_account]), ["tracesWriter", "metricsWriter"]) :
    join("|", one) => { who = one[0], role = one[1] }
  }

  project = var.project
  role    = "roles/telemetry.${each.value.role}"
  member  = local.members[each.value.who]
}

# Who read what: kept by Google, for data and not only for changes.
resource "google_project_iam_audit_config" "reads" {
  for_each = toset(["bigquery", "cloudkms", "pubsub", "secretmanager", "storage"])

  project = var.project
  service = "${each.key}.googleapis.com"

  audit_log_config {
    log_type = "DATA_READ"
  }
  audit_log_config {
    log_type = "DATA_WRITE"
  }
  audit_log_config {
    log_type = "ADMIN_READ"
  }
}
