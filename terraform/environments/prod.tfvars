project         = "bvr-prod"
stage           = "prod"
alert_email     = "vakt-bvr@example.no"
allow_synthetic = false
require_sealed  = true
api_host        = "barnevern.api.example.no"

minimum_instances = { mottak = 1, utsending = 1, uttrekk = 1 }
# The peak: docs/terraform.md has the arithmetic.
maximum_instances = { mottak = 20, utsending = 20, henting = 20 }

fiksio = {
  api            = "https://api.fiks.ks.no"
  host           = "io.fiks.ks.no"
  integration_id = "00000000-0000-4000-8000-000000000000"
}
