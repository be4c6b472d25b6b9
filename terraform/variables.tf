# --- what differs between environments (environments/*.tfvars) ---------------------------------------------------------

variable "project" {
  description = "Id of the project. Buckets are named after it."
  type        = string
}

variable "stage" {
  description = "dev, test or prod."
  type        = string

  validation {
    condition     = contains(["dev", "test", "prod"], var.stage)
    error_message = "stage is dev, test or prod."
  }
}

variable "region" {
  description = "Where everything is: functions, data, keys and logs. A key in another region fails only at apply."
  type        = string
  default     = "europe-north1"

  validation {
    condition     = var.region == "europe-north1"
    error_message = "The register stays in europe-north1 (Hamina): in the EEA, and where every product we use exists."
  }
}

variable "allow_synthetic" {
  description = "Whether synthetic person numbers are taken: never in prod."
  type        = bool
  default     = false

  validation {
    condition     = !(var.allow_synthetic && var.stage == "prod")
    error_message = "Synthetic person numbers may not enter the register in prod."
  }
}

variable "source_archive" {
  description = "Object with the zipped code of functions/, in the bucket of builds: named by its SHA-256."
  type        = string
}

variable "connector_image" {
  description = "Image of the Fiks IO connector, by digest; empty: no connector."
  type        = string
  default     = ""

  validation {
    condition     = var.connector_image == "" || can(regex("@sha256:[0-9a-f]{64}$", var.connector_image))
    error_message = "The connector is deployed by digest: <repository>/konnektor@sha256:..."
  }
}

variable "api_host" {
  description = "Host name of the extract API; empty: no load balancer."
  type        = string
  default     = ""
}

variable "alert_email" {
  description = "Who is called by alarms."
  type        = string
}

variable "minimum_instances" {
  description = "Instances that are kept warm, by function; 0 for one that is not named."
  type        = map(number)
  default     = {}
}

variable "maximum_instances" {
  description = "The most instances, by function; 10 for one that is not named."
  type        = map(number)
  default     = {}
}

variable "maskinporten_client_id" {
  description = "The register's own Maskinporten client."
  type        = string
  default     = ""
}

variable "fiksio" {
  description = "Fiks IO: the REST API's address, the AMQP host and the id of our integration; empty without Fiks IO."
  type        = object({ api = string, host = string, integration_id = string })
  default     = { api = "", host = "", integration_id = "" }
}

variable "analysts" {
  description = "Who may query the views of analysis (group:... or user:...); rows are granted in grunnlag.tilgang."
  type        = set(string)
  default     = []
}

variable "require_sealed" {
  description = "Whether messages must be encrypted and signed."
  type        = bool
  default     = true
}

# --- what the system is made of (topology.auto.tfvars.json; the local cloud reads the same file) ------------------------

variable "topics" {
  type = map(object({ description = string, message_retention_seconds = number }))
}

variable "subscriptions" {
  type = map(object({
    topic                     = string
    push                      = object({ function = string, service_account = string })
    ack_deadline_seconds      = number
    message_retention_seconds = number
    ordering                  = bool
    filter                    = string
    retry                     = object({ minimum_backoff_seconds = number, maximum_backoff_seconds = number })
    dead_letter               = object({ topic = string, max_delivery_attempts = number })
  }))

  validation {
    condition     = alltrue([for one in values(var.subscriptions) : one.push == null || one.dead_letter != null])
    error_message = "A subscription that pushes has a dead letter: a message that cannot be processed must not vanish."
  }
}

variable "buckets" {
  type = map(object({
    description         = string
    storage_class       = string
    retention_seconds   = number
    soft_delete_seconds = number
    delete_after_days   = number
  }))
}

variable "notifications" {
  type = map(object({ bucket = string, topic = string, events = list(string) }))
}

variable "datasets" {
  type = map(object({ description = string, location = string, max_time_travel_hours = number }))

  validation {
    condition     = alltrue([for one in values(var.datasets) : one.location == "europe-north1"])
    error_message = "Every dataset is in europe-north1."
  }
}

variable "service_accounts" {
  type = map(string)
}

variable "secrets" {
  type = map(string)
}

variable "environment" {
  description = "Variables of every function; one that names a secret is set on those that may read it, as its path."
  type        = map(string)
}

variable "functions" {
  type = map(object({
    description     = string
    entry_point     = string
    timeout_seconds = number
    memory          = string
    concurrency     = number
    service_account = string
    public          = bool
    env             = map(string)
  }))
}

variable "schedules" {
  type = map(object({
    description              = string
    function                 = string
    service_account          = string
    cron                     = string
    time_zone                = string
    attempt_deadline_seconds = number
    body                     = optional(map(any), {})
  }))
}

# --- who may do what (access.auto.tfvars.json) --------------------------------------------------------------------------

variable "access" {
  description = "The rights of each account: roles of Storage, BigQuery and KMS by resource, and nothing by project."
  type = map(object({
    publish  = set(string)
    buckets  = map(string)
    tables   = map(string)
    datasets = map(string)
    jobs     = bool
    secrets  = set(string)
    keys     = map(string)
  }))

  validation {
    condition = alltrue(flatten([
      for one in values(var.access) : [
        for role in concat(values(one.buckets), values(one.tables), values(one.datasets), values(one.keys)) :
        contains(["objectViewer", "objectCreator", "objectUser", "dataViewer", "dataEditor", "dataOwner", "cryptoKeyDecrypter"], role)
      ]
    ]))
    error_message = "Roles are narrow: objectViewer, objectCreator, objectUser, dataViewer, dataEditor, dataOwner, cryptoKeyDecrypter."
  }
}

# --- what calls somebody (alarms.auto.tfvars.json) ----------------------------------------------------------------------

variable "log_metrics" {
  description = "Metrics that are counted in the logs."
  type = map(object({
    description     = string
    filter          = string
    value_type      = string
    value_extractor = string
    labels          = map(string)
  }))
}

variable "alarms" {
  type = map(object({
    description       = string
    runbook           = string
    severity          = string
    filter            = string
    comparison        = string
    threshold         = number
    duration_seconds  = number
    alignment_seconds = number
    aligner           = string
    reducer           = string
    group_by          = list(string)
  }))
}
