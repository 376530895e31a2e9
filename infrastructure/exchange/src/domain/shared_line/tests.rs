//! Frames of shared lines: golden bytes, everything back as it was, and what is refused.

use proptest::prelude::*;

use super::*;

fn envelope(rest: &[u8], signature: &[u8]) -> Envelope {
    Envelope {
        rest: rest.to_vec().into(),
        signature: signature.to_vec(),
        ..Envelope::default()
    }
}

fn read_all(reader: &mut Reader, bytes: &[u8]) -> Result<Vec<Frame>, BadFrame> {
    reader.buffer().extend_from_slice(bytes);
    let mut frames = Vec::new();
    while let Some(frame) = reader.frame()? {
        frames.push(frame);
    }
    Ok(frames)
}

fn refused(direction: Direction, bytes: &[u8]) -> BadEnvelope {
    read_all(&mut Reader::new(direction, 1 << 20), bytes)
        .unwrap_err()
        .why
}

#[test]
fn frames_stand_as_written_down() {
    let mut writer = Writer::default();
    let mut out = Vec::new();
    let mut first = envelope(b"GET", b"<s/>");
    first.ocsp = vec![b"ok".to_vec()];
    first.body = Some(b"{}".to_vec().into());
    first.chain_result = Some(b"<r/>".to_vec());
    first.chain = Some(b"<c/>".to_vec());
    writer.request(&mut out, 7, "a-1", &first);
    writer.request(&mut out, 8, "a-2", &first);
    let expected = [
        // length, kind, call
        &b"\0\0\0\x39\x01\0\0\0\x07"[..],
        // attempt; one OCSP response, kept
        b"\x03a-1\x01\x02\0\0\0\x02ok",
        // request part; body
        b"\0\0\0\x03GET\x01\0\0\0\x02{}",
        // hash chain result, kept; hash chain; signature, kept
        b"\x02\0\0\0\x04<r/>\0\0\0\x04<c/>\x02\0\0\0\x04<s/>",
        // the second names what is held
        b"\0\0\0\x26\x01\0\0\0\x08\x03a-2\x01\x03\0",
        b"\0\0\0\x03GET\x01\0\0\0\x02{}\x03\0\0\0\0\x04<c/>\x03\x01",
    ]
    .concat();
    assert_eq!(out, expected);
    let mut reader = Reader::new(Direction::Request, 1 << 20);
    let frames = read_all(&mut reader, &out).unwrap();
    let expected = [(7, "a-1"), (8, "a-2")].map(|(call, id)| Frame::Request {
        call,
        request_id: id.to_owned(),
        envelope: first.clone(),
    });
    assert_eq!(frames, expected);
}

#[test]
fn answers_faults_and_goodbyes_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let room = crate::body::SpoolRoom::new(folder.path(), 1 << 20);
    let mut spool = room.spool();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let large = runtime.block_on(async {
        spool.push(&vec![7; MEMORY_BYTES_MAX + 1]).await.unwrap();
        spool.finish().await.unwrap()
    });
    let mut out = Vec::new();
    let mut answer = envelope(b"200", b"<s/>");
    answer.body = Some(large);
    assert!(Writer::default().response(&mut out, 3, &answer));
    piece(&mut out, 3, b"77");
    refusal(&mut out, 4, b"<fault/>");
    goodbye(&mut out, 4);
    let mut reader = Reader::new(Direction::Response, 1 << 20);
    let expected = [
        Frame::Response {
            call: 3,
            envelope: envelope(b"200", b"<s/>"),
            in_pieces: Some(MEMORY_BYTES_MAX as u64 + 1),
        },
        Frame::Piece {
            call: 3,
            bytes: b"77".to_vec(),
        },
        Frame::Refusal {
            call: 4,
            fault: b"<fault/>".to_vec(),
        },
        Frame::Goodbye { last: 4 },
    ];
    assert_eq!(read_all(&mut reader, &out).unwrap(), expected);
    // A call in pieces is no call, and an answer no question.
    out[4] = REQUEST;
    assert!(matches!(
        refused(Direction::Request, &out),
        BadEnvelope::Frame(_)
    ));
    assert!(matches!(
        refused(Direction::Response, &out),
        BadEnvelope::Frame("kind of frame")
    ));
}

#[test]
fn what_is_over_a_limit_or_not_held_is_refused() {
    let whole = |payload: &[u8]| {
        let mut out = Vec::new();
        let frame = begin(&mut out, RESPONSE, 1);
        out.extend_from_slice(payload);
        end(&mut out, frame);
        refused(Direction::Response, &out)
    };
    let part = |length: usize| {
        [
            &u32::try_from(length).unwrap().to_be_bytes()[..],
            &vec![b'x'; length],
        ]
        .concat()
    };
    let small = part(1);
    let cases: [(&[&[u8]], BadEnvelope); 9] = [
        (&[&[6]], BadEnvelope::TooLarge("count of OCSP responses")),
        (
            &[&[0], &part(PART_BYTES_MAX + 1)],
            BadEnvelope::TooLarge("a part"),
        ),
        (&[&[0], &[0; 4]], BadEnvelope::Frame("an empty part")),
        (&[&[0], &small, &[9]], BadEnvelope::Frame("kind of body")),
        (
            &[&[0], &small, &[0, 0, 3, 0]],
            BadEnvelope::Frame("a text that is not held"),
        ),
        (
            &[&[0], &small, &[0, 0, 0]],
            BadEnvelope::Frame("no signature"),
        ),
        (
            &[&[0], &small, &[0, 0, 2], &part(KEPT_BYTES_MAX + 1)],
            BadEnvelope::TooLarge("a part"),
        ),
        (
            &[&[0], &small, &[0, 0, 1], &small, &[0]],
            BadEnvelope::Frame("bytes after the last part"),
        ),
        (
            &[&[0], &[0, 0, 0, 9]],
            BadEnvelope::Frame("a part beyond its frame"),
        ),
    ];
    for (payload, expected) in cases {
        assert_eq!(whole(&payload.concat()), expected);
    }
    let huge = u32::try_from(FRAME_BYTES_MAX + 1).unwrap().to_be_bytes();
    let huge = [&huge[..], &[REQUEST, 0, 0, 0, 1]].concat();
    assert_eq!(
        refused(Direction::Request, &huge),
        BadEnvelope::TooLarge("a frame")
    );
    // A body over the limit of this node is told as such.
    let mut out = Vec::new();
    let mut large = envelope(b"POST", b"<s/>");
    large.body = Some(vec![7; 11].into());
    Writer::default().request(&mut out, 1, "a", &large);
    let bad = read_all(&mut Reader::new(Direction::Request, 10), &out).unwrap_err();
    assert_eq!((bad.call, bad.why), (Some(1), BadEnvelope::BodyTooLarge));
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    // Few short ones, so that they return, and some over what is held.
    prop_oneof![
        8 => (0_u8..40).prop_map(|n| vec![n, n]),
        1 => (0_u8..3).prop_map(|n| vec![n; KEPT_BYTES_MAX + 1]),
    ]
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_in_pieces_of_any_size(
        messages in proptest::collection::vec(
            (text(), proptest::collection::vec(text(), 0..3), proptest::option::of((text(), text())), any::<bool>()),
            1..60,
        ),
        step in 1_usize..5_000,
    ) {
        let (mut writer, mut out, mut expected) = (Writer::default(), Vec::new(), Vec::new());
        for (call, (signature, ocsp, chain, has_body)) in (0_u32..).zip(messages) {
            let (chain_result, chain) = chain.unzip();
            let envelope = Envelope {
                ocsp,
                rest: b"GET".to_vec().into(),
                body: has_body.then(|| signature.clone().into()),
                chain_result,
                chain,
                signature,
            };
            writer.request(&mut out, call, "id", &envelope);
            expected.push(Frame::Request { call, request_id: "id".into(), envelope });
        }
        let mut reader = Reader::new(Direction::Request, 1 << 20);
        let mut frames = Vec::new();
        for piece in out.chunks(step) {
            frames.extend(read_all(&mut reader, piece).unwrap());
        }
        prop_assert_eq!(frames, expected);
        prop_assert_eq!(reader.waiting(), 0);
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for direction in [Direction::Request, Direction::Response] {
            let _ = read_all(&mut Reader::new(direction, 100), &bytes);
        }
    }
}
