//! Valid messages of every shape. Tests start from them and then damage them.

use bytes::Bytes;
use proptest::{collection, prelude::*};
use tempo_message::{
    Attachment, AuthorId, Digest, Extension, Kind, Lamport, ManifestHasher, Message, MessageId, Parent,
};
use uuid::Uuid;

pub(crate) fn message() -> impl Strategy<Value = Message> {
    let counter = prop_oneof![Just(1_u64), 2_u64..1000, Just(u64::MAX)];
    let others = prop_oneof![Just(Kind::Profile), Just(Kind::Release), Just(Kind::Retirement)];
    let kind = prop_oneof![
        4 => attachments().prop_map(|attachments| (Kind::Payload, attachments)),
        2 => others.prop_map(|kind| (kind, Vec::new())),
    ];
    let payload = collection::vec(any::<u8>(), 0..300);
    let clocks = (any::<u64>(), any::<i64>());
    (1_u128..4, counter, clocks, any::<[u8; 32]>(), parents(), kind, extensions(), payload).prop_map(
        |(author, counter, (lamport, unix_ms), previous, parents, (kind, attachments), extensions, payload)| Message {
            id: MessageId { author: author_of(author), counter },
            lamport: Lamport(lamport),
            unix_ms,
            previous: (counter > 1).then_some(Digest::from_bytes(previous)),
            parents,
            key: None,
            kind,
            attachments,
            extensions,
            payload: Bytes::from(payload),
        },
    )
}

/// Generates parents that are sorted, distinct, and never by the authors that [`message`] makes.
fn parents() -> impl Strategy<Value = Vec<Parent>> {
    let parent = (100_u128..110, 1_u64..9, any::<[u8; 32]>()).prop_map(|(author, counter, digest)| Parent {
        author: author_of(author),
        counter,
        digest: Digest::from_bytes(digest),
    });
    collection::btree_set(parent, 0..12).prop_map(|parents| parents.into_iter().collect())
}

/// Generates none, or files of one part and of several with different contents.
fn attachments() -> impl Strategy<Value = Vec<Attachment>> {
    let one = (0_u8..4, 1_usize..5000, 10_u8..14, ".{1,9}", "[a-z]{0,9}");
    let some = collection::vec(one, 0..4).prop_map(|some| {
        let numbered = some.into_iter().enumerate();
        numbered
            .map(|(at, (byte, length, exponent, name, media_type))| {
                let mut hasher = ManifestHasher::new(exponent);
                hasher.update(&[u8::try_from(at).unwrap(), byte]).unwrap();
                hasher.update(&vec![byte; length]).unwrap();
                Attachment { manifest: hasher.finish().unwrap(), name, media_type }
            })
            .collect()
    });
    prop_oneof![3 => Just(Vec::new()), 1 => some]
}

/// Generates extensions that are sorted, distinct, and not critical.
fn extensions() -> impl Strategy<Value = Vec<Extension>> {
    let tag = prop_oneof![0_u16..50, any::<u16>()].prop_map(|tag| tag & !1);
    let values = collection::btree_map(tag, collection::vec(any::<u8>(), 0..200), 0..6);
    let extension = |(tag, value): (u16, Vec<u8>)| Extension { tag, value: value.into() };
    prop_oneof![Just(Vec::new()), values.prop_map(move |values| values.into_iter().map(extension).collect())]
}

pub(crate) fn author_of(number: u128) -> AuthorId {
    AuthorId::new(Uuid::from_u128(number))
}
