"""The annual KOSTRA file (15F): one file a municipality and year, many clients. The old channel."""
