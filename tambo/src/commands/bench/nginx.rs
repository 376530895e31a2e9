//! The comparison: two nginx reverse proxies with mutual TLS between them, in front of the same provider.
//!
//! No signatures, no log, no rights: the floor of what any mediator between two bodies costs.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::country::{Body, Instance, free_port};
use super::process::Process;
use crate::commands::Problem;

/// Where nginx lies on Debian; elsewhere it is found by its name.
const PLACES: [&str; 2] = ["/usr/sbin/nginx", "nginx"];

/// Two proxies, and where the first listens.
pub struct Proxies {
    /// Both processes.
    pub processes: [Process; 2],
    /// Where clients ask.
    pub address: SocketAddr,
}

/// Starts both; `None` if nginx is not installed.
///
/// # Errors
/// A file can't be written, or a proxy does not listen.
pub async fn start(instance: &Instance, provider: SocketAddr) -> Result<Option<Proxies>, Problem> {
    let works = |place: &&&str| {
        let mut version = Command::new(place);
        version.arg("-v").stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    };
    let Some(program) = PLACES.iter().find(works) else {
        return Ok(None);
    };
    let [asking, answering] = instance.bodies() else {
        return Ok(None);
    };
    let (first, second) = (free_port().await?, free_port().await?);
    let folder = instance.folder().join("nginx");
    let trusted = folder.join("trusted.pem");
    std::fs::create_dir_all(&folder)?;
    let both = [asking, answering].map(|body| std::fs::read(body.folder.join("auth.pem")));
    let [one, other] = both;
    std::fs::write(&trusted, [one?, other?].concat())?;
    let entry = format!(
        "upstream next {{ server {second}; keepalive 64; }}\n\
         server {{ listen {first}; location / {{ proxy_pass https://next; {COMMON} {} \
         proxy_ssl_verify off; }} }}",
        credentials("proxy_ssl", asking, &folder)?,
    );
    let exit = format!(
        "upstream next {{ server {provider}; keepalive 64; }}\n\
         server {{ listen {second} ssl; {} ssl_client_certificate {trusted}; \
         ssl_verify_client optional_no_ca; ssl_session_tickets off; \
         location / {{ if ($ssl_client_verify = NONE) {{ return 403; }} \
         proxy_pass http://next; {COMMON} }} }}",
        credentials("ssl", answering, &folder)?,
        trusted = trusted.display(),
    );
    let processes = [
        one_proxy(program, &folder.join("entry"), &entry)?,
        one_proxy(program, &folder.join("exit"), &exit)?,
    ];
    for address in [first, second] {
        wait_for(address).await?;
    }
    Ok(Some(Proxies {
        processes,
        address: first,
    }))
}

/// Kept connections to the next one, no temporary files for small bodies.
const COMMON: &str = "proxy_http_version 1.1; proxy_set_header Connection \"\"; \
    proxy_buffers 16 64k; proxy_buffer_size 64k; proxy_max_temp_file_size 0;";

fn credentials(prefix: &str, body: &Body, folder: &Path) -> Result<String, Problem> {
    let key = folder.join(format!("{}.key", body.member.code));
    std::fs::write(&key, body.auth.tls_pem()?.as_bytes())?;
    super::super::private(&key)?;
    let certificate = body.folder.join("auth.pem");
    Ok(format!(
        "{prefix}_certificate {}; {prefix}_certificate_key {};",
        certificate.display(),
        key.display()
    ))
}

/// One process without a master, so that its CPU time is all there is.
fn one_proxy(program: &str, folder: &Path, servers: &str) -> Result<Process, Problem> {
    std::fs::create_dir_all(folder)?;
    let place = folder.display();
    let text = format!(
        "daemon off; master_process off; pid {place}/pid; error_log {place}/error.log crit;\n\
         events {{ worker_connections 8192; }}\n\
         http {{ access_log off; keepalive_requests 1000000; client_body_temp_path {place}/a; \
         proxy_temp_path {place}/b; fastcgi_temp_path {place}/c; uwsgi_temp_path {place}/d; \
         scgi_temp_path {place}/e;\n{servers}\n}}\n"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, text)?;
    let mut command = Command::new(program);
    command.arg("-p").arg(folder).arg("-c").arg(&file);
    Process::start(&mut command)
}

async fn wait_for(address: SocketAddr) -> Result<(), Problem> {
    for _ in 0..100 {
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(Problem(format!("nginx does not listen on {address}")))
}
