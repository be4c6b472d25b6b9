project         = "bvr-dev"
stage           = "dev"
alert_email     = "vakt-bvr@example.no"
allow_synthetic = true
require_sealed  = false
