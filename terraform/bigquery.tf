# Tables, views and functions are folders below bigquery_schemas/: the local cloud reads the same.
locals {
  schemas = "${path.module}/../bigquery_schemas"
  folders = toset([for file in fileset(local.schemas, "*/*/metadata.yaml") : dirname(file)])
  metadata = {
    for folder in local.folders : replace(folder, "/", ".") => yamldecode(file("${local.schemas}/${folder}/metadata.yaml"))
  }
  columns = {
    for folder in local.folders : replace(folder, "/", ".") => file("${local.schemas}/${folder}/schema.json")
    if fileexists("${local.schemas}/${folder}/schema.json")
  }
  statements = {
    for folder in local.folders : replace(folder, "/", ".") => {
      sql         = file("${local.schemas}/${folder}/${fileexists("${local.schemas}/${folder}/routine.sql") ? "routine" : "view"}.sql")
      routine     = fileexists("${local.schemas}/${folder}/routine.sql")
      description = local.metadata[replace(folder, "/", ".")].description
      labels      = merge(local.labels, { access = local.metadata[replace(folder, "/", ".")].access })
    } if !fileexists("${local.schemas}/${folder}/schema.json")
  }

  # Views and functions read each other: each is made after those that it names, in its SQL or in `depends_on`.
  named = {
    for id, one in local.statements : id => setsubtract(setintersection(
      toset(concat(regexall("\\b\\w+\\.\\w+\\b", replace(one.sql, "/--[^\\n]*/", "")), try(local.metadata[id].depends_on, []))),
      toset(keys(local.statements))
    ), [id])
  }
  first  = [for id, names in local.named : id if length(names) == 0]
  second = [for id, names in local.named : id if !contains(local.first, id) && length(setsubtract(names, local.first)) == 0]
  done   = concat(local.first, local.second)
  third  = [for id, names in local.named : id if !contains(local.done, id) && length(setsubtract(names, local.done)) == 0]
  almost = concat(local.done, local.third)
  fourth = [for id, names in local.named : id if !contains(local.almost, id) && length(setsubtract(names, local.almost)) == 0]
  late   = setsubtract(keys(local.statements), concat(local.almost, local.fourth))
}

resource "google_bigquery_dataset" "all" {
  for_each = var.datasets

  dataset_id                 = each.key
  description                = each.value.description
  location                   = each.value.location
  max_time_travel_hours      = tostring(each.value.max_time_travel_hours)
  delete_contents_on_destroy = false
  labels                     = local.labels

  default_encryption_configuration {
    kms_key_name = google_kms_crypto_key.data.id
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_kms_crypto_key_iam_member.agents]
}

resource "google_bigquery_table" "all" {
  for_each = local.columns

  dataset_id          = google_bigquery_dataset.all[split(".", each.key)[0]].dataset_id
  table_id            = split(".", each.key)[1]
  description         = local.metadata[each.key].description
  schema              = each.value
  clustering          = length(try(local.metadata[each.key].clustering, [])) > 0 ? local.metadata[each.key].clustering : null
  labels              = merge(local.labels, { access = local.metadata[each.key].access })
  deletion_protection = true

  dynamic "time_partitioning" {
    for_each = try(local.metadata[each.key].partitioning, null)[*]
    content {
      type  = time_partitioning.value.type
      field = time_partitioning.value.field
    }
  }

  encryption_configuration {
    kms_key_name = google_kms_crypto_key.data.id
  }
}

module "views_1" {
  source     = "./modules/views"
  declared   = { for id in local.first : id => local.statements[id] }
  depends_on = [google_bigquery_table.all]
}

module "views_2" {
  source     = "./modules/views"
  declared   = { for id in local.second : id => local.statements[id] }
  depends_on = [module.views_1]
}

module "views_3" {
  source     = "./modules/views"
  declared   = { for id in local.third : id => local.statements[id] }
  depends_on = [module.views_2]
}

module "views_4" {
  source     = "./modules/views"
  declared   = { for id in local.fourth : id => local.statements[id] }
  depends_on = [module.views_3]
}

check "every_view_is_made" {
  assert {
    condition     = length(local.late) == 0
    error_message = "Not made, since they read each other in more than four steps: ${join(", ", local.late)}"
  }
}

# The views of analysis may read what those who ask them may not. By dataset: a view that is made again keeps it.
resource "google_bigquery_dataset_access" "analysis" {
  for_each = toset(["register", "grunnlag"])

  dataset_id = google_bigquery_dataset.all[each.key].dataset_id

  dataset {
    dataset {
      project_id = var.project
      dataset_id = google_bigquery_dataset.all["analyse"].dataset_id
    }
    target_types = ["VIEWS"]
  }
}

# A table without any row policy shows every row to whoever may ask it, through a view, too. So there is one from the
# start; the derivation makes those of the grants. The name is the one that it would give it (bvr/register/access.py).
resource "google_bigquery_row_access_policy" "own" {
  for_each = {
    for pair in setproduct(["register.analyse_grunnlag", "register.pseudonym"], ["avledning", "sporringer"]) :
    "${pair[0]}|${pair[1]}" => { table = pair[0], member = "serviceAccount:${pair[1]}@${var.project}.iam.gserviceaccount.com" }
  }

  dataset_id       = google_bigquery_table.all[each.value.table].dataset_id
  table_id         = google_bigquery_table.all[each.value.table].table_id
  policy_id        = "p_${substr(sha256("${each.value.table}|${each.value.member}|TRUE"), 0, 24)}"
  filter_predicate = "TRUE"
  grantees         = [each.value.member]

  depends_on = [google_service_account.all]
}
