project         = "bvr-test"
stage           = "test"
alert_email     = "vakt-bvr@example.no"
allow_synthetic = true
require_sealed  = true
