//! Lines that carry many calls: what they spare, what becomes of calls when they end, and what a peer may not do on them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use rustls::pki_types::ServerName;
use store::testing::{Folder, sqlite};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use trust::ca::DAY;

use super::attacks::{limits, move_to, sealed};
use super::country::*;
use crate::ask::Outgoing;
use crate::body::MEMORY_BYTES_MAX;
use crate::domain::multipart::Direction;
use crate::domain::shared_line::{Frame, PROTOCOL, Reader, Writer};
use crate::wire::{Arrived, Departing, Limits, serve};
use crate::{AskError, Behalf};

/// A way to `node` that counts its connections.
async fn counted(node: SocketAddr) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let count = Arc::new(AtomicUsize::new(0));
    let counting = count.clone();
    tokio::spawn(async move {
        loop {
            let (mut tcp, _) = listener.accept().await.unwrap();
            counting.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut on = TcpStream::connect(node).await.unwrap();
                let _ = copy_bidirectional(&mut tcp, &mut on).await;
            });
        }
    });
    (address, count)
}

async fn nodes() -> (Country, Node, Node, Folder) {
    let time = clock();
    let folder = Folder::new();
    let one = sqlite(&folder, time.clone()).await;
    let other = sqlite(&folder, time.clone()).await;
    let (country, muni, reniec) = pair(time, one, other).await;
    (country, muni, reniec, folder)
}

/// A line of the asking node's own to the answering one, in the form of shared lines.
async fn line(muni: &Node, reniec: &Node) -> TlsStream<TcpStream> {
    let tcp = TcpStream::connect(reniec.address).await.unwrap();
    let config = muni.exchange.inner.tls.sharing_client.clone();
    let name = ServerName::try_from("node.invalid").unwrap();
    let tls = TlsConnector::from(config).connect(name, tcp).await.unwrap();
    assert_eq!(tls.get_ref().1.alpn_protocol(), Some(PROTOCOL));
    tls
}

/// Everything that the other end says until it ends the line.
async fn heard(tls: &mut TlsStream<TcpStream>) -> Vec<Frame> {
    let mut bytes = Vec::new();
    let reading = timeout(Duration::from_secs(20), tls.read_to_end(&mut bytes));
    // Some ends close without TLS's farewell.
    let _ = reading.await.expect("the line is ended");
    let mut reader = Reader::new(Direction::Response, 1 << 20);
    reader.buffer().extend_from_slice(&bytes);
    let mut frames = Vec::new();
    while let Some(frame) = reader.frame().unwrap() {
        frames.push(frame);
    }
    frames
}

#[tokio::test]
async fn many_questions_share_a_line_and_each_gets_its_answer() {
    let (country, muni, reniec, _folder) = nodes().await;
    let (address, count) = counted(reniec.address).await;
    move_to(&country, &muni, &reniec, &address).await;
    let asked = join_all((0..40).map(|_| muni.exchange.ask(question()))).await;
    let mut evidence: Vec<String> = asked
        .into_iter()
        .map(|answer| answer.unwrap().into_inner().evidence)
        .collect();
    evidence.sort_unstable();
    evidence.dedup();
    assert_eq!(evidence.len(), 40, "an answer to each");
    assert_eq!(count.load(Ordering::SeqCst), 1, "connections");
    for number in &evidence {
        let question = reniec.exchange.question(number).await.unwrap().unwrap();
        assert_eq!(question.outcome, "answered");
    }
}

#[tokio::test]
async fn a_node_that_shares_no_lines_is_spoken_to_in_x_roads_form() {
    for (asking, answering) in [(true, false), (false, true)] {
        let (mut muni, mut reniec) = (None, None);
        let time = clock();
        let folder = Folder::new();
        let country = Country::new(time.clone()).await;
        for (code, subsystem, shares, place) in [
            ("MUNI", "licencias", asking, &mut muni),
            ("RENIEC", "registro", answering, &mut reniec),
        ] {
            let store = sqlite(&folder, time.clone()).await;
            let (subsystems, form) = ([subsystem], |settings: &mut crate::Settings| {
                settings.shared_lines = shares;
            });
            let body = country.body_with(code, &subsystems, store, 30 * DAY, form);
            *place = Some(body.await);
        }
        let (muni, reniec) = (muni.unwrap(), reniec.unwrap());
        country.publish(DAY, &[&muni, &reniec]).await;
        furnish(&*time, &muni, &reniec).await;
        let asked = join_all((0..5).map(|_| muni.exchange.ask(question()))).await;
        assert!(asked.iter().all(Result::is_ok), "{asked:?}");
    }
}

#[tokio::test]
async fn a_node_that_stops_answers_what_it_took_and_the_next_question_finds_it_again() {
    let (_country, muni, mut reniec, _folder) = nodes().await;
    muni.exchange.ask(question()).await.unwrap();
    let asking = join_all((0..20).map(|_| muni.exchange.ask(question())));
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        reniec.serving.take().unwrap().stop().await;
    };
    let (asked, ()) = tokio::join!(asking, stopping);
    for answer in asked {
        // Taken and answered, or never heard; nothing is left in doubt.
        assert!(
            matches!(answer, Ok(_) | Err(AskError::Unreachable { .. })),
            "{answer:?}"
        );
    }
    let listener = TcpListener::bind(reniec.address).await.unwrap();
    let _serving = reniec.exchange.serve(listener);
    muni.exchange.ask(question()).await.unwrap();
}

/// A node with the registry's keys that takes something on each line, says `said`, and ends the line.
async fn ending(country: &Country, muni: &Node, reniec: &Node, said: &'static [u8]) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let acceptor = TlsAcceptor::from(reniec.exchange.inner.tls.sharing_server.clone());
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let mut tls = acceptor.accept(tcp).await.unwrap();
            let _ = tls.read(&mut [0; 4_096]).await;
            let _ = tls.write_all(said).await;
            let _ = tls.shutdown().await;
        }
    });
    move_to(country, muni, reniec, &address).await;
}

#[tokio::test]
async fn what_may_have_arrived_is_in_doubt_and_what_was_not_heard_is_not() {
    let (country, muni, reniec, _folder) = nodes().await;
    // It takes the question and dies; it dies within an answer; it says something else.
    for said in [
        &b""[..],
        b"\0\0\x01\0\x02\0\0\0\x01\0",
        b"\0\0\0\x05\x07\0\0\0\x01",
    ] {
        ending(&country, &muni, &reniec, said).await;
        let error = muni.exchange.ask(question()).await.unwrap_err();
        assert!(
            matches!(error, AskError::Broken { .. }),
            "{said:?}: {error}"
        );
    }
    // It says that it heard nothing, each time.
    ending(&country, &muni, &reniec, b"\0\0\0\x05\x05\0\0\0\0").await;
    let error = muni.exchange.ask(question()).await.unwrap_err();
    assert!(matches!(error, AskError::Unreachable { .. }), "{error}");
    // The node itself is as before.
    let address = reniec.address.to_string();
    move_to(&country, &muni, &reniec, &address).await;
    muni.exchange.ask(question()).await.unwrap();
}

#[tokio::test]
async fn what_is_no_call_is_told_and_ends_the_line() {
    let (_country, muni, reniec, _folder) = nodes().await;
    let request = sealed(&muni).await;
    let whole = |id: &str| {
        let mut out = Vec::new();
        Writer::default().request(&mut out, 1, id, &request.envelope);
        out
    };
    let mut cut = whole(&request.request_id);
    cut.truncate(cut.len() - 3);
    let length = u32::try_from(cut.len() - 4).unwrap().to_be_bytes();
    cut[..4].copy_from_slice(&length);
    let huge = [0x7f, 0xff, 0xff, 0xff, 1, 0, 0, 0, 1];
    let mut kind = whole(&request.request_id);
    kind[4] = 2;
    let of_a_text = [0, 0, 0, 9, 1, 0, 0, 0, 1, 0, 1, 3, 9];
    for bytes in [cut, huge.to_vec(), kind, of_a_text.to_vec()] {
        let mut tls = line(&muni, &reniec).await;
        tls.write_all(&bytes).await.unwrap();
        let frames = heard(&mut tls).await;
        let [
            Frame::Refusal { call: 1, fault },
            Frame::Goodbye { last: 1 },
        ] = &frames[..]
        else {
            // The goodbye may come before the refusal is ready.
            let [Frame::Goodbye { last: 1 }, Frame::Refusal { call: 1, .. }] = &frames[..] else {
                panic!("{frames:?}");
            };
            continue;
        };
        let fault = String::from_utf8_lossy(fault);
        assert!(fault.contains("invalid_message"), "{fault}");
    }
    // A head without a call can be answered by nobody.
    let mut tls = line(&muni, &reniec).await;
    tls.write_all(&[0, 0, 0, 1, 1, 0, 0, 0, 0]).await.unwrap();
    assert_eq!(heard(&mut tls).await, [Frame::Goodbye { last: 0 }]);
    // Another attempt's number than the signed one.
    let mut tls = line(&muni, &reniec).await;
    tls.write_all(&whole("another")).await.unwrap();
    tls.shutdown().await.unwrap();
    let frames = heard(&mut tls).await;
    assert!(
        matches!(&frames[..], [Frame::Refusal { fault, .. }] if String::from_utf8_lossy(fault).contains("inconsistent_headers")),
        "{frames:?}"
    );
    // The same message twice counts once, over one line too.
    let mut tls = line(&muni, &reniec).await;
    let (mut writer, mut out) = (Writer::default(), Vec::new());
    for call in [1, 2] {
        writer.request(&mut out, call, &request.request_id, &request.envelope);
    }
    tls.write_all(&out).await.unwrap();
    tls.shutdown().await.unwrap();
    assert_eq!(heard(&mut tls).await.len(), 2);
    let counted = reniec.exchange.questions_about("40000001").await.unwrap();
    assert_eq!(counted.len(), 1);
}

#[tokio::test]
async fn a_slow_sender_loses_the_line_and_a_greedy_one_waits() {
    let (_country, muni, reniec, _folder) = nodes().await;
    let in_work = Arc::new(AtomicUsize::new(0));
    let counting = in_work.clone();
    let handler = Arc::new(move |_: Arrived| {
        counting.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Departing::Fault("<fault/>".to_owned())
        }) as futures_util::future::BoxFuture<'static, Departing>
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = Node {
        address: listener.local_addr().unwrap(),
        serving: None,
        exchange: reniec.exchange.clone(),
        member: reniec.member.clone(),
        keys: reniec.keys.clone(),
    };
    let limits = Limits {
        shares: true,
        ..limits()
    };
    let most = limits.connections;
    let serving = serve(listener, &reniec.exchange.inner.tls, limits, handler);
    let request = sealed(&muni).await;
    let (mut writer, mut out) = (Writer::default(), Vec::new());
    for call in 1..=20 {
        writer.request(&mut out, call, &request.request_id, &request.envelope);
    }
    // Twenty calls are not in work at once where ten are the most; all are answered.
    let mut tls = line(&muni, &there).await;
    tls.write_all(&out).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(in_work.load(Ordering::SeqCst), most);
    // Then half a frame, and silence: the line is ended, and what was taken is answered.
    tls.write_all(&out[..100]).await.unwrap();
    let frames = heard(&mut tls).await;
    assert_eq!(frames.len(), 21, "{frames:?}");
    assert_eq!(frames.last(), Some(&Frame::Goodbye { last: 20 }));
    serving.stop().await;
}

/// A call to the registry's facts with a body of this many bytes, most of them blanks.
fn large(bytes: usize) -> Outgoing {
    let mut outgoing = Outgoing::facts(question(), Behalf::default());
    let mut body = crate::body::small(outgoing.body.as_ref()).to_vec();
    body.resize(bytes, b' ');
    outgoing.body = Some(body.into());
    outgoing
}

#[tokio::test]
async fn answers_of_any_size_pass_also_those_that_lie_in_memory() {
    let (_country, muni, reniec, _folder) = nodes().await;
    for bytes in [
        MEMORY_BYTES_MAX - 1,
        MEMORY_BYTES_MAX,
        MEMORY_BYTES_MAX + 1,
        300_000,
    ] {
        let facts = serde_json::json!({ "person.name": "x".repeat(bytes), "birth": "1990-05-01" });
        let records = [("40000001".to_owned(), facts, None)];
        reniec.exchange.record("people", &records).await.unwrap();
        let sent = join_all((0..3).map(|_| {
            let outgoing = Outgoing::facts(question(), Behalf::default());
            muni.exchange.send(outgoing)
        }))
        .await;
        for answered in sent {
            let answered = answered.unwrap().into_inner();
            assert_eq!(answered.response.status, 200);
            assert!(answered.body.unwrap().len() > bytes as u64);
        }
    }
}

#[tokio::test]
async fn a_large_body_goes_to_the_node_that_was_judged_and_no_other() {
    let (country, muni, reniec, _folder) = nodes().await;
    // Somebody on the way who is a node too lets the first connection pass and takes the others.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (first, others) = (reniec.address, muni.address);
    tokio::spawn(async move {
        let mut next = first;
        loop {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let to = std::mem::replace(&mut next, others);
            tokio::spawn(async move {
                let mut on = TcpStream::connect(to).await.unwrap();
                let _ = copy_bidirectional(&mut tcp, &mut on).await;
            });
        }
    });
    move_to(&country, &muni, &reniec, &address).await;
    muni.exchange.ask(question()).await.unwrap();
    let error = muni.exchange.send(large(300_000)).await.unwrap_err();
    assert!(
        matches!(&error, AskError::Unreachable { cause } if cause.contains("another node")),
        "{error}"
    );
}
