# Run one of these beside each server; one of them at a time, the holder of the lock, takes the snapshots.
snapshot_agent {
  http_addr   = "127.0.0.1:8500"
  token_file  = "/etc/consul.d/snapshot.token"
  status_addr = "127.0.0.1:9107"

  snapshot {
    interval            = "30m"
    retain              = 96
    deregister_after    = "8h"
    encryption_key_file = "snapshot.keys"
  }

  backup_destinations {
    local_storage {
      path = "/var/backups/consul"
    }
    aws_storage {
      s3_bucket                 = "acme-backups"
      s3_region                 = "eu-central-1"
      s3_key_prefix             = "consul/production"
      s3_server_side_encryption = true
    }
  }
}
