output "functions" {
  description = "Address of each function."
  value       = { for name, one in google_cloudfunctions2_function.all : name => one.service_config[0].uri }
}

output "api_address" {
  description = "The IP address that the API's host name is to point at."
  value       = one(google_compute_global_forwarding_rule.api[*].ip_address)
}
