//! Tests of encrypted connections, to a cluster that has a certificate.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use agent_pool_service_kit::db::embedded::Embedded;
use agent_pool_service_kit::db::{DatabaseUrl, Db};
use agent_pool_service_kit::testing::eventually;
use diesel::sql_query;
use diesel_async::RunQueryDsl;

use crate::support::{SOON, ask, data_of, temporary};

/// Gives the server a self-signed certificate, as hosted databases have.
async fn encrypt(cluster: &Embedded, data: &Path) {
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-keyout",
            "server.key",
            "-out",
            "server.crt",
        ])
        .current_dir(data)
        .output()
        .expect("openssl, which Debian's PostgreSQL brings along");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let owner = fs::metadata(data).unwrap();
    for file in ["server.key", "server.crt"] {
        let path = data.join(file);
        std::os::unix::fs::chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let url = cluster.database("any").await.unwrap();
    let mut conn = Db::connect(&url, 1).conn().await.unwrap();
    for statement in ["ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"] {
        sql_query(statement).execute(&mut conn).await.unwrap();
    }
}

#[tokio::test]
async fn sslmode_decides_about_encryption_and_identity() {
    let cluster = Embedded::start(temporary()).await.unwrap();
    let url = cluster.database("any").await.unwrap();
    let with = |mode: &str| -> DatabaseUrl {
        let text = format!("{}?sslmode={mode}", url.as_secret().expose());
        text.try_into().unwrap()
    };
    let refused = Db::connect(&with("require"), 1).conn().await;
    assert!(refused.is_err(), "a server without TLS was taken");
    encrypt(&cluster, &data_of(&cluster).await).await;
    eventually("TLS is on", SOON, async || {
        Db::connect(&with("require"), 1).conn().await.is_ok()
    })
    .await;
    let encrypted = "SELECT ssl::text AS word FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    for (mode, expected) in [
        ("disable", "false"),
        ("prefer", "true"),
        ("require", "true"),
    ] {
        assert_eq!(ask(&with(mode), encrypted).await, expected, "{mode}");
    }
    let root = data_of(&cluster).await.join("server.crt");
    let root = root.to_str().unwrap();
    for (parameters, accepted) in [
        ("allow", true),
        ("require&channel_binding=require", true),
        ("verify-ca", false),
        ("verify-full", false),
        (&format!("verify-ca&sslrootcert={root}"), true),
        (&format!("require&sslrootcert={root}"), true),
        // The certificate is for localhost, and the URL has an IP address.
        (&format!("verify-full&sslrootcert={root}"), false),
    ] {
        let connected = Db::connect(&with(parameters), 1).conn().await;
        assert_eq!(
            connected.is_ok(),
            accepted,
            "{parameters}: {:?}",
            connected.err()
        );
    }
}
