//! Requests that two readers could read in two ways: lengths that contradict, folded and cut lines, headers twice.
//!
//! Whoever stands between a system and its node, or forges a system's request, must not get a second question out of one,
//! nor a client that was not checked.

use std::sync::{Arc, Mutex};

use store::testing::{Folder, sqlite};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::country::*;
use crate::wire::Serving;
use crate::{AccessRight, FactSource};

/// What reached the system behind the provider, head by head.
type Heard = Arc<Mutex<Vec<String>>>;

/// A system that keeps the head of every request and answers with nothing.
async fn system(heard: Heard) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let mut seen = Vec::new();
            let mut piece = [0_u8; 4_096];
            while !seen.windows(4).any(|four| four == b"\r\n\r\n") {
                match tcp.read(&mut piece).await {
                    Ok(count @ 1..) => seen.extend_from_slice(&piece[..count]),
                    _ => break,
                }
            }
            heard
                .lock()
                .unwrap()
                .push(String::from_utf8_lossy(&seen).into_owned());
            let long = match seen.starts_with(b"POST /long ") {
                true => format!("X: {}\r\n", "y".repeat(70_000)),
                false => String::new(),
            };
            let answer =
                format!("HTTP/1.1 200 OK\r\n{long}Content-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = tcp.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://{address}")
}

struct Scene {
    _nodes: (Country, Node, Node, Serving, [Folder; 2]),
    systems: std::net::SocketAddr,
    heard: Heard,
    path: String,
}

async fn scene() -> Scene {
    let (time, folders) = (clock(), [Folder::new(), Folder::new()]);
    let first = sqlite(&folders[0], time.clone()).await;
    let second = sqlite(&folders[1], time.clone()).await;
    let (country, muni, reniec) = pair(time, first, second).await;
    let heard = Heard::default();
    let service = persons().subsystem.service("files");
    let source = FactSource::Url {
        url: system(heard.clone()).await,
        agreement: false,
    };
    let answering = &reniec.exchange;
    answering.offer(&service, &source, true).await.unwrap();
    let right = AccessRight::whole(asking(), service.clone());
    answering.permit(&right).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let systems = listener.local_addr().unwrap();
    let serving = muni.exchange.serve_systems(listener, false).unwrap();
    Scene {
        _nodes: (country, muni, reniec, serving, folders),
        systems,
        heard,
        path: format!("/r1/{service}"),
    }
}

impl Scene {
    /// Sends bytes and hears everything until the node closes the line or falls silent.
    async fn say(&self, bytes: &[u8]) -> String {
        let mut tcp = TcpStream::connect(self.systems).await.unwrap();
        tcp.write_all(bytes).await.unwrap();
        let mut said = Vec::new();
        let mut piece = [0_u8; 4_096];
        let quiet = std::time::Duration::from_millis(700);
        while let Ok(Ok(count @ 1..)) = tokio::time::timeout(quiet, tcp.read(&mut piece)).await {
            said.extend_from_slice(&piece[..count]);
        }
        String::from_utf8_lossy(&said).into_owned()
    }
}

/// What is said to the node, by name.
type Cases = Vec<(&'static str, String)>;

#[tokio::test]
async fn no_second_question_is_smuggled_within_one() {
    let scene = scene().await;
    let (client, path) = (asking(), &scene.path);
    let head = format!("POST {path}/a HTTP/1.1\r\nHost: n\r\nX-Road-Client: {client}\r\n");
    let second =
        format!("GET {path}/smuggled HTTP/1.1\r\nHost: n\r\nX-Road-Client: {client}\r\n\r\n");
    let length = second.len() + 5;
    let hidden = format!("0\r\n\r\n{second}");
    let chunked = "Transfer-Encoding: chunked";
    // Both lengths: the chunks count and the line is closed after them (RFC 9112 section 6.1).
    let once: Cases = vec![
        (
            "length, then chunks",
            format!("{head}Content-Length: {length}\r\n{chunked}\r\n\r\n{hidden}"),
        ),
        (
            "chunks, then length",
            format!("{head}{chunked}\r\nContent-Length: {length}\r\n\r\n{hidden}"),
        ),
    ];
    for (what, bytes) in once {
        let said = scene.say(bytes.as_bytes()).await;
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{what}: {said}");
        assert!(said.contains("\r\nconnection: close\r\n"), "{what}: {said}");
        assert_eq!(
            std::mem::take(&mut *scene.heard.lock().unwrap()).len(),
            1,
            "{what}"
        );
    }
    let never: Cases = vec![
        (
            "two lengths",
            format!("{head}Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{hidden}"),
        ),
        (
            "a list of lengths",
            format!("{head}Content-Length: 0, {length}\r\n\r\n{second}"),
        ),
        (
            "a length with a sign",
            format!("{head}Content-Length: +0\r\n\r\n{second}"),
        ),
        (
            "a negative length",
            format!("{head}Content-Length: -2\r\n\r\n{second}"),
        ),
        (
            "chunks, not last",
            format!("{head}{chunked}, identity\r\n\r\n{hidden}"),
        ),
        (
            "nearly chunks",
            format!("{head}Transfer-Encoding: xchunked\r\n\r\n{hidden}"),
        ),
        (
            "a space before the colon",
            format!("{head}Transfer-Encoding : chunked\r\n\r\n{hidden}"),
        ),
        (
            "chunks in HTTP/1.0",
            format!("{head}{chunked}\r\n\r\n{hidden}").replace("HTTP/1.1", "HTTP/1.0"),
        ),
        (
            "a chunk beyond counting",
            format!("{head}{chunked}\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{second}"),
        ),
        (
            "a negative chunk",
            format!("{head}{chunked}\r\n\r\n-1\r\n{hidden}"),
        ),
    ];
    for (what, bytes) in never {
        let said = scene.say(bytes.as_bytes()).await;
        assert!(said.starts_with("HTTP/1.1 400 "), "{what}: {said}");
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{what}: {said}");
        assert_eq!(*scene.heard.lock().unwrap(), [""; 0], "{what}");
    }
}

#[tokio::test]
async fn no_client_is_smuggled_past_the_one_that_was_checked() {
    let scene = scene().await;
    let (client, path) = (asking(), &scene.path);
    let other = "PE/GOB/RENIEC/registro";
    let start = format!("POST {path}/a HTTP/1.1\r\nHost: n\r\n");
    let mine = format!("X-Road-Client: {client}\r\n");
    let refused: Cases = vec![
        (
            "folded",
            format!("{start}X-Road-Client:\r\n {client}\r\n\r\n"),
        ),
        (
            "folded below another",
            format!("{start}{mine}X-A: b\r\n X-Road-Client: {other}\r\n\r\n"),
        ),
        (
            "a lone CR",
            format!("{start}{mine}X-A: b\rX-Road-Client: {other}\r\n\r\n"),
        ),
        (
            "a NUL",
            format!("{start}{mine}X-A: b\0X-Road-Client: {other}\r\n\r\n"),
        ),
        (
            "a space before the colon",
            format!("{start}{mine}X-Road-Client : {other}\r\n\r\n"),
        ),
        (
            "another one last",
            format!("{start}{mine}X-Road-Client: {other}\r\n\r\n"),
        ),
        (
            "both in one",
            format!("{start}X-Road-Client: {client}, {other}\r\n\r\n"),
        ),
        (
            "an encoded line break",
            format!("{start}X-Road-Client: {client}%0d%0aX-Road-Client:%20{other}\r\n\r\n"),
        ),
        (
            "too many headers",
            format!("{start}{mine}{}\r\n", "X: y\r\n".repeat(200)),
        ),
        (
            "headers too long",
            format!("{start}{mine}X: {}\r\n\r\n", "y".repeat(70_000)),
        ),
        (
            "headers far too long",
            format!("{start}{mine}X: {}\r\n\r\n", "y".repeat(700_000)),
        ),
    ];
    for (what, bytes) in refused {
        let said = scene.say(bytes.as_bytes()).await;
        assert!(!said.contains(" 200 "), "{what}: {said}");
        assert_eq!(*scene.heard.lock().unwrap(), [""; 0], "{what}");
    }
    let passed: Cases = vec![
        (
            "the checked one last",
            format!("{start}X-Road-Client: {other}\r\n{mine}\r\n"),
        ),
        (
            "another one after the body",
            format!(
                "{start}{mine}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Road-Client: {other}\r\n\r\n"
            ),
        ),
        (
            "another host",
            format!("{start}Host: other\r\n{mine}\r\n")
                .replace(path, &format!("http://evil.invalid{path}")),
        ),
        (
            "a line break in another header's value",
            format!("{start}X-A: b%0d%0aX-Road-Client: {other}\r\n{mine}\r\n"),
        ),
    ];
    for (what, bytes) in passed {
        let said = scene.say(bytes.as_bytes()).await;
        assert!(said.starts_with("HTTP/1.1 200 "), "{what}: {said}");
        let heard = std::mem::take(&mut *scene.heard.lock().unwrap());
        let [head] = heard.as_slice() else {
            panic!("{what}: {heard:?}")
        };
        assert!(
            head.starts_with("POST /a HTTP/1.1\r\nhost: 127.0.0.1:"),
            "{what}: {head}"
        );
        assert_eq!(
            head.to_lowercase().matches("\r\nx-road-client:").count(),
            1,
            "{what}: {head}"
        );
        assert!(
            head.contains(&format!("x-road-client: {client}\r\n")),
            "{what}: {head}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_no_node_would_read_is_told_as_the_system_s_fault_and_not_signed() {
    let scene = scene().await;
    let (client, path) = (asking(), &scene.path);
    let question =
        format!("POST {path}/long HTTP/1.1\r\nHost: n\r\nX-Road-Client: {client}\r\n\r\n");
    let said = scene.say(question.as_bytes()).await;
    let code = "\r\nx-road-error: server.serverproxy.service_failed.http_error\r\n";
    assert!(said.contains(code), "{said}");
    assert_eq!(scene.heard.lock().unwrap().len(), 1);
}
