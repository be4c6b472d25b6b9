# Views and table functions that wait for nothing but what is there already.
terraform {
  required_providers {
    google = {
      source = "hashicorp/google"
    }
  }
}

variable "declared" {
  description = "By `dataset.name`: its SQL, what it is, and its labels."
  type        = map(object({ sql = string, routine = bool, description = string, labels = map(string) }))
}

resource "google_bigquery_table" "view" {
  # checkov:skip=CKV_GCP_121:a view is made of tables, and nothing is lost with it
  # checkov:skip=CKV_GCP_80:a view holds no rows
  for_each = { for id, one in var.declared : id => one if !one.routine }

  dataset_id          = split(".", each.key)[0]
  table_id            = split(".", each.key)[1]
  description         = each.value.description
  labels              = each.value.labels
  deletion_protection = false # made of others: nothing is lost with it

  view {
    query          = each.value.sql
    use_legacy_sql = false
  }
}

locals {
  # CREATE OR REPLACE TABLE FUNCTION register.sak_per(tidspunkt TIMESTAMP) AS ( ... )
  parts = {
    for id, one in var.declared : id => regex("(?s)TABLE FUNCTION [a-z_.]+\\((?P<arguments>[^)]*)\\) AS \\((?P<body>.*)\\)\\s*$", one.sql)
    if one.routine
  }
}

resource "google_bigquery_routine" "function" {
  for_each = local.parts

  dataset_id      = split(".", each.key)[0]
  routine_id      = split(".", each.key)[1]
  routine_type    = "TABLE_VALUED_FUNCTION"
  language        = "SQL"
  description     = var.declared[each.key].description
  definition_body = trimspace(each.value.body)

  dynamic "arguments" {
    for_each = [for one in split(",", each.value.arguments) : split(" ", trimspace(one))]
    content {
      name      = arguments.value[0]
      data_type = jsonencode({ typeKind = arguments.value[1] })
    }
  }
}
