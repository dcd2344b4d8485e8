//! Encoding and decoding one message. The digest is measured alone and subtracted, because every peer that
//! checks what arrives needs one as well.

use std::hint::black_box;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tempo_message::{Decoded, Digest, Frame, Message};
use uuid::Uuid;

use super::Effort;
use crate::{
    history::{Authors, History, Manner},
    rounds::{Variant, each_of, interleave},
    stats::Figures,
    table::{Bound, Row, Unit},
};

/// The content of a message as other formats would write it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Plain {
    author: Uuid,
    counter: u64,
    kind: u8,
    lamport: u64,
    unix_ms: i64,
    previous: Option<Digest>,
    parents: Vec<(Uuid, u64, Digest)>,
    /// Written as bytes and not as a list of numbers, which would take ten times as long.
    #[serde(with = "bytes_of")]
    payload: Bytes,
}

/// Serializes bytes as one run.
mod bytes_of {
    use bytes::Bytes;
    use serde::{
        Deserializer, Serializer,
        de::{Error, SeqAccess, Visitor},
    };

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        deserializer.deserialize_byte_buf(Run)
    }

    struct Run;

    impl<'de> Visitor<'de> for Run {
        type Value = Bytes;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
            Ok(Bytes::copy_from_slice(bytes))
        }

        /// JSON has no type for bytes, only sequences.
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Bytes, A::Error> {
            let mut bytes = Vec::with_capacity(items.size_hint().unwrap_or(0));
            while let Some(byte) = items.next_element::<u8>()? {
                bytes.push(byte);
            }
            Ok(bytes.into())
        }
    }
}

impl Plain {
    fn of(message: &Message) -> Self {
        Self {
            author: message.id.author.uuid(),
            counter: message.id.counter,
            kind: message.kind.code(),
            lamport: message.lamport.0,
            unix_ms: message.unix_ms,
            previous: message.previous,
            parents: message.parents.iter().map(|p| (p.author.uuid(), p.counter, p.digest)).collect(),
            payload: message.payload.clone(),
        }
    }
}

pub(super) fn rows(Effort { rounds, times }: Effort) -> Vec<Row> {
    // Most messages have a previous message and no parents.
    let frame = History::by(Authors::Plain, Manner::Turns)
        .skip(100)
        .find(|frame| frame.message().parents.is_empty())
        .expect("most are so");
    let message = frame.message().clone();
    let plain = Plain::of(&message);
    let postcard = postcard::to_allocvec(&plain).expect("it can be encoded");
    let json = serde_json::to_vec(&plain).expect("it can be encoded");
    let content = frame.bytes().slice(..frame.bytes().len() - Digest::LEN);
    let slow = times / 10;
    let measured = interleave(
        rounds,
        vec![
            Variant::new("encode", || each_of(times, || Frame::encode(black_box(&message)))),
            Variant::new("decode", || {
                each_of(times, || assert!(matches!(Frame::decode(black_box(frame.bytes())), Decoded::Whole(_))))
            }),
            Variant::new("digest", || each_of(times, || Digest::of(black_box(&content)))),
            Variant::new("postcard encode", || each_of(times, || postcard::to_allocvec(black_box(&plain)))),
            Variant::new("postcard decode", || {
                each_of(times, || postcard::from_bytes::<Plain>(black_box(&postcard)).expect("it is one"))
            }),
            Variant::new("json encode", || each_of(slow, || serde_json::to_vec(black_box(&plain)))),
            Variant::new("json decode", || {
                each_of(slow, || serde_json::from_slice::<Plain>(black_box(&json)).expect("it is one"))
            }),
        ],
    );
    let of = |name: &str| measured.of(name).clone();
    let row = |(what, goal): (&str, f64)| -> Vec<Row> {
        let all = of(what);
        let ours = all.minus(&of("digest"));
        let peer = |name: &str| -> Figures { of(&format!("{name} {what}")) };
        let operation = format!("frame {what}, digest apart");
        vec![
            Row::new("frame", operation.clone(), Unit::Nanoseconds, ours.clone())
                .floor(Bound::figure(goal))
                .peer(Bound::at_most(0.6, "a struct in postcard, payload as bytes", peer("postcard")))
                .also("with the digest", all)
                .also("the digest", of("digest")),
            Row::new("frame", format!("{operation}, and JSON"), Unit::Nanoseconds, ours).peer(Bound::at_most(
                0.04,
                "a struct in JSON",
                peer("json"),
            )),
        ]
    };
    [("encode", 100.0), ("decode", 90.0)].into_iter().flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_read_what_they_write() {
        for frame in History::new().take(20) {
            let plain = Plain::of(frame.message());
            assert_eq!(postcard::from_bytes::<Plain>(&postcard::to_allocvec(&plain).unwrap()).unwrap(), plain);
            assert_eq!(serde_json::from_slice::<Plain>(&serde_json::to_vec(&plain).unwrap()).unwrap(), plain);
        }
    }
}
