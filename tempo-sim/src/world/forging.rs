//! Somebody who can write the folder, and writes as others: messages, heads, packs and relays that nobody has signed.

use std::ffi::{OsStr, OsString};

use bytes::Bytes;
use tempo_fs_transport::{DirName, FileName};
use tempo_message::{
    AuthorId, AuthorKey, Digest, Frame, Head, Kind, Lamport, Life, Message, MessageId, Pack, Purpose, Sign, Signature,
    Statement, is_signed,
};

use super::{
    Simulation,
    leaving::whole_frames,
    signing::{Keys, Scheme},
};
use crate::{Rng, disk::Change};

/// The directory, the name and the content of a file.
type Forged = (OsString, OsString, Bytes);

/// A signer that has the key of its author, and not the secret one.
#[derive(Debug)]
struct Forger {
    key: AuthorKey,
    /// A signature of the author for something else.
    signature: Signature,
}

impl Sign for Forger {
    fn key(&self) -> AuthorKey {
        self.key
    }

    fn sign(&self, _: &Statement) -> Signature {
        self.signature
    }
}

impl Simulation {
    /// Forges something by a signed author in a member's folder, perhaps where another member relays messages.
    pub(crate) fn forge(&mut self, member: usize, rng: &mut Rng, with_relays: bool) {
        let Some(disk) = self.members.get(member).map(|there| there.disk.clone()) else { return };
        let mut files = if disk.is_unmounted() { Vec::new() } else { disk.files() };
        files.retain(|(dir, name, _)| {
            let is_own = matches!(DirName::parse(dir), DirName::Author(author) if is_signed(author));
            is_own && matches!(FileName::parse(name), FileName::Message(_)) && !self.service.is_placeholder(name)
        });
        let Some((dir, _, content)) = rng.pick(&files).cloned() else { return };
        let Some(victim) = whole_frames(&content).next().filter(|it| dir == it.id().author.to_string().as_str()) else {
            return;
        };
        let Some(key) = self.key_of(victim.id().author) else { return };
        let mut of_victim = files.iter().filter(|(of, ..)| *of == dir).flat_map(|(.., content)| whole_frames(content));
        let signature = of_victim.find_map(|frame| frame.signature().filter(|_| frame.digest() != victim.digest()));
        let signature = signature.or(victim.signature()).unwrap_or(Signature::from_bytes([7; 64]));
        let by = Forger { key, signature };
        let nonce = rng.next();
        let file = match rng.below(if with_relays { 8 } else { 7 }) {
            0 => flipped(&victim, rng),
            1 => altered(&victim, &by),
            2 => ahead(&victim, 1 + rng.below(2), &by),
            3 => packed(&victim, &by),
            4 => Some(head(&victim, Some(&by), nonce)),
            5 => Some(head(&victim, None, nonce)),
            6 => under_another_key(&victim, self.scheme, rng),
            _ => self.relayed(&victim, &by, rng),
        };
        let Some((dir, name, content)) = file else { return };
        // A service may put it in the place of the author's own file.
        let author = victim.id().author;
        let owners = self.members.iter_mut().filter(|it| it.author == author || it.former.contains(&author));
        owners.for_each(|owner| owner.is_overwritten = true);
        disk.put(&dir, &name, content);
        self.service.changed(member, vec![Change { dir, name }]);
        self.plan_service();
        self.note_fault(member, "forged", "somebody writes as another member");
    }

    fn key_of(&self, author: AuthorId) -> Option<AuthorKey> {
        self.members.iter().find_map(|there| there.keys.signer(author)).map(|signer| signer.key())
    }

    /// Puts a forged message where another member would relay it.
    fn relayed(&self, victim: &Frame, forger: &Forger, rng: &mut Rng) -> Option<Forged> {
        let others: Vec<AuthorId> = self.members.iter().map(|there| there.author).collect();
        let relayer = rng.pick(&others).copied().filter(|other| *other != victim.id().author)?;
        let (_, name, content) = ahead(victim, 1, forger)?;
        let name = OsStr::new(name.to_str()?.split(' ').next()?).to_owned();
        Some((format!("{}.{relayer}", victim.id().author).into(), name, content))
    }
}

/// Changes one bit before the digest.
fn flipped(victim: &Frame, rng: &mut Rng) -> Option<Forged> {
    let mut bytes = victim.bytes().to_vec();
    bytes.truncate(bytes.len() - Digest::LEN);
    // What comes before says how long it is.
    let at = 12 + rng.below(bytes.len() - 12);
    *bytes.get_mut(at)? ^= 1 << rng.below(8);
    let digest = Digest::of(&bytes);
    bytes.extend_from_slice(digest.as_bytes());
    let name = format!("{:016x} (2)", victim.id().counter);
    Some((victim.id().author.to_string().into(), name.into(), bytes.into()))
}

/// Returns a message as the victim's, with what the forger makes of it.
fn forged(victim: &Frame, counter: u64, previous: Option<Digest>, forger: &Forger) -> Option<Frame> {
    let message = Message {
        id: MessageId { counter, ..victim.id() },
        lamport: Lamport(victim.message().lamport.0 + counter - victim.id().counter),
        unix_ms: victim.message().unix_ms,
        previous,
        parents: victim.message().parents.clone(),
        key: victim.message().key.filter(|_| counter == 1),
        kind: Kind::Payload,
        attachments: Vec::new(),
        extensions: Vec::new(),
        payload: Bytes::from_static(b"what the author never wrote"),
    };
    Frame::sign(&message, forger).ok()
}

/// Returns the victim's message with another content and a signature from elsewhere.
fn altered(victim: &Frame, forger: &Forger) -> Option<Forged> {
    let frame = forged(victim, victim.id().counter, victim.message().previous, forger)?;
    let name = format!("{:016x} (2)", victim.id().counter);
    Some((victim.id().author.to_string().into(), name.into(), frame.bytes().clone()))
}

/// Returns the victim's first message with another key, and a signature that holds for that key.
fn under_another_key(victim: &Frame, scheme: Scheme, rng: &mut Rng) -> Option<Forged> {
    let keys = Keys::default();
    let thief = keys.new_author(scheme, rng);
    let signer = keys.signer(thief)?;
    let first = Message {
        id: MessageId { author: thief, counter: 1 },
        lamport: Lamport(1),
        unix_ms: 0,
        previous: None,
        parents: Vec::new(),
        key: Some(signer.key()),
        kind: Kind::Payload,
        attachments: Vec::new(),
        extensions: Vec::new(),
        payload: Bytes::from_static(b"what the author never wrote"),
    };
    let mut bytes = Frame::sign(&first, signer.as_ref()).ok()?.bytes().to_vec();
    bytes.truncate(bytes.len() - Digest::LEN - Signature::LEN);
    // The author is the first field, behind its length.
    bytes.get_mut(13..29)?.copy_from_slice(victim.id().author.as_bytes());
    let statement = Statement { purpose: Purpose::Frame, digest: Digest::of(&bytes) };
    bytes.extend_from_slice(signer.sign(&statement).as_bytes());
    let digest = Digest::of(&bytes);
    bytes.extend_from_slice(digest.as_bytes());
    Some((victim.id().author.to_string().into(), OsString::from("0000000000000001 (2)"), bytes.into()))
}

/// Returns one or two messages that would follow the victim's.
fn ahead(victim: &Frame, count: usize, forger: &Forger) -> Option<Forged> {
    let (mut bytes, mut previous) = (Vec::new(), victim.digest());
    for counter in (victim.id().counter + 1..).take(count) {
        let frame = forged(victim, counter, Some(previous), forger)?;
        previous = frame.digest();
        bytes.extend_from_slice(frame.bytes());
    }
    let name = format!("{:016x} (2)", victim.id().counter + 1);
    Some((victim.id().author.to_string().into(), name.into(), bytes.into()))
}

/// Returns a pack of the victim's message and a forged one behind it.
fn packed(victim: &Frame, forger: &Forger) -> Option<Forged> {
    let next = forged(victim, victim.id().counter + 1, Some(victim.digest()), forger)?;
    let pack = Pack::of(&[victim.clone(), next]).ok()?;
    let name = format!("{:016x}-{:016x} (2)", pack.first(), pack.last());
    Some((victim.id().author.to_string().into(), name.into(), pack.bytes().clone()))
}

/// Returns a head that claims that the author has seen everything there will ever be, with a wrong signature or none.
fn head(victim: &Frame, forger: Option<&Forger>, nonce: u64) -> Forged {
    let author = victim.id().author;
    let head = Head {
        author,
        name: Some("Mallory".to_owned()),
        place: None,
        counter: victim.id().counter,
        digest: Some(victim.digest()),
        lamport: Lamport(1 << 20),
        seen: Vec::new(),
        wanted: Vec::new(),
        life: Life { number: 1 << 20, nonce },
        unix_ms: i64::MAX / 2,
        seal: None,
    };
    let head = forger.map_or(head.clone(), |forger| head.signed(forger));
    (author.to_string().into(), OsString::from("head (2)"), head.encode())
}
