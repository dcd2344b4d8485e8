//! Signed authors: proven messages count, in any order and in any batches.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use tempo_message::{
    AuthorKey, Digest, Ed25519, Frame, Head, Kind, Lamport, Life, Message, MessageId, Parent, SecretKey, Sign,
    Signature, Statement, Verify,
};

use super::*;
use crate::core::{composing::ComposeError, driving::Output, event::Intake, identity::conflict::IdentityConflict};

fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

/// A member that signs.
fn signed(number: u8) -> (SessionCore, SecretKey) {
    let key = key(number);
    (SessionCore::new(Some(key.key().author())), key)
}

fn say(core: &mut SessionCore, key: &SecretKey, texts: &[&'static str]) -> Vec<Frame> {
    let contents = texts.iter().map(|text| (Kind::Payload, Bytes::from_static(text.as_bytes())));
    let frames = core.compose_signed(contents, 0, Some(key)).unwrap();
    for frame in &frames {
        sent(core, frame);
    }
    frames
}

/// A forger that has another author's public key, but not the secret one.
#[derive(Debug)]
struct Forger(AuthorKey);

impl Sign for Forger {
    fn key(&self) -> AuthorKey {
        self.0
    }

    fn sign(&self, _: &Statement) -> Signature {
        Signature::from_bytes([9; 64])
    }
}

/// Returns a forgery under the name of a message's author, in place of that message or after it.
fn forged(like: &Frame, counter: u64, previous: Option<Digest>) -> Frame {
    let author = like.id().author;
    let key = if author == key(1).key().author() { key(1).key() } else { key(2).key() };
    let message = Message {
        id: MessageId { author, counter },
        lamport: Lamport(counter),
        previous,
        parents: Vec::new(),
        key: Some(key).filter(|_| counter == 1),
        payload: Bytes::from_static(b"forged"),
        ..like.message().clone()
    };
    Frame::sign(&message, &Forger(key)).unwrap()
}

/// Returns a message without its signature, as the middle of a batch is. It is another message than the signed one.
fn unsigned(message: &Message) -> Frame {
    Frame::encode(message).unwrap()
}

/// Real verdicts, each found once: a test asks for the same ones very often.
#[derive(Debug, Default)]
struct Remembering(Mutex<BTreeMap<(Digest, [u8; 64]), bool>>);

impl Verify for Remembering {
    fn verify(&self, key: &AuthorKey, statement: &Statement, signature: &Signature) -> bool {
        let verdict = || Ed25519.verify(key, statement, signature);
        *self.0.lock().unwrap().entry((statement.digest, *signature.as_bytes())).or_insert_with(verdict)
    }
}

/// A chain of four messages, the second and third without a signature, and two forgeries: one in the place of the
/// first, one after the last.
fn chain() -> (Vec<Frame>, Vec<Frame>) {
    let key = key(1);
    let next = |before: &Frame, is_signed: bool| {
        let message = Message {
            id: MessageId { counter: before.id().counter + 1, ..before.id() },
            lamport: Lamport(before.message().lamport.0 + 1),
            previous: Some(before.digest()),
            key: None,
            ..before.message().clone()
        };
        if is_signed { Frame::sign(&message, &key).unwrap() } else { unsigned(&message) }
    };
    let (mut ana, _) = signed(1);
    let first = say(&mut ana, &key, &["first"]).remove(0);
    let second = next(&first, false);
    let third = next(&second, false);
    let fourth = next(&third, true);
    let forgeries = vec![forged(&first, 1, None), forged(&fourth, 5, Some(fourth.digest()))];
    (vec![first, second, third, fourth], forgeries)
}

/// Hands in frames in these batches, and whatever the core asks for afterwards, as a driver does.
fn take_batches(core: &mut SessionCore, frames: &[Frame], order: &[usize], cuts: u32) {
    let mut batch = Vec::new();
    let mut here: Vec<Frame> = Vec::new();
    for (at, &index) in order.iter().enumerate() {
        batch.push(frames[index].clone());
        here.push(frames[index].clone());
        if cuts >> at & 1 == 1 || at + 1 == order.len() {
            core.handle_all(std::mem::take(&mut batch));
            answer(core, &here);
        }
    }
}

fn answer(core: &mut SessionCore, here: &[Frame]) {
    loop {
        match core.poll() {
            Output::LookFor(id) => {
                core.handle_all(here.iter().filter(|frame| frame.id() == id).cloned().collect());
            }
            Output::LookAgain => drop(core.handle_all(here.to_vec())),
            Output::Idle => return,
            Output::Event(_) | Output::More => {}
        }
    }
}

fn accepted(core: &SessionCore) -> Vec<Digest> {
    core.timeline().iter().filter_map(|&slot| core.order(slot)).map(|(_, digest)| digest).collect()
}

/// The rule, exhaustively: every order of six frames in every division into batches, and every subset of them. What is
/// accepted is a function of the set: the longest beginning of the chain that a signature here vouches for.
#[test]
fn what_is_accepted_depends_on_the_frames_alone() {
    let (chain, forgeries) = chain();
    let frames: Vec<Frame> = chain.iter().chain(&forgeries).cloned().collect();
    let verify: Arc<dyn Verify> = Arc::new(Remembering::default());
    let mut runs = 0;
    for subset in 1_u32..1 << frames.len() {
        let here: Vec<usize> = (0..frames.len()).filter(|at| subset >> at & 1 == 1).collect();
        let has = |at: usize| subset >> at & 1 == 1;
        // The second and third count only with the fourth, and the fourth only with all before it.
        let expected: Vec<Digest> = match (has(0), has(1) && has(2) && has(3)) {
            (false, _) => Vec::new(),
            (true, true) => chain.iter().map(Frame::digest).collect(),
            // The second is vouched for by the fourth through the third.
            (true, false) => vec![chain[0].digest()],
        };
        for order in permutations(&here) {
            let all: Vec<u32> = (0..1 << (here.len() - 1)).collect();
            let some = [0, 0b1_1111, 0b1_0101, 0b0_1010, 0b0_0100, 0b0_0010];
            for &cuts in if here.len() > 4 { &some[..] } else { &all } {
                let mut core = SessionCore::verifying(None, Arc::clone(&verify));
                take_batches(&mut core, &frames, &order, cuts);
                assert_eq!(accepted(&core), expected, "{order:?} cut at {cuts:b}");
                runs += 1;
            }
        }
    }
    assert!(runs > 5_000, "{runs} runs");
}

fn permutations(of: &[usize]) -> Vec<Vec<usize>> {
    let Some((&first, rest)) = of.split_first() else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for order in permutations(rest) {
        for at in 0..=order.len() {
            let mut longer = order.clone();
            longer.insert(at, first);
            all.push(longer);
        }
    }
    all
}

#[test]
fn a_forgery_hides_nothing_and_is_named() {
    let (mut ana, key) = signed(1);
    let frames = say(&mut ana, &key, &["one", "two"]);
    let mut ben = SessionCore::new(None);
    let false_two = forged(&frames[1], 2, Some(frames[0].digest()));
    assert_eq!(receive(&mut ben, &false_two), Intake::Unvouched);
    assert_eq!((ben.held_len(), ben.unvouched().count()), (1, 0), "its author's key may come");
    assert_eq!(receive(&mut ben, &frames[0]), Intake::Accepted);
    assert_eq!(receive(&mut ben, &false_two), Intake::Unvouched);
    assert!(!ben.seen().contains(frames[1].id().author, 2), "the real one must be read");
    assert_eq!(ben.unvouched().collect::<Vec<_>>(), [frames[1].id()]);
    assert_eq!(receive(&mut ben, &frames[1]), Intake::Accepted);
    assert_eq!((ben.timeline().len(), ben.held_len()), (2, 0));
}

#[test]
fn a_forgery_under_the_own_name_changes_no_author() {
    let (mut ana, key) = signed(1);
    let frames = say(&mut ana, &key, &["one"]);
    let author = ana.author().unwrap();
    receive(&mut ana, &forged(&frames[0], 2, Some(frames[0].digest())));
    receive(&mut ana, &forged(&frames[0], 1, None));
    let head = Head {
        author,
        name: None,
        place: None,
        counter: 99,
        digest: None,
        lamport: Lamport(99),
        seen: Vec::new(),
        wanted: Vec::new(),
        life: Life { number: 9, nonce: 9 },
        unix_ms: 0,
        seal: None,
    };
    for head in [head.clone(), head.clone().signed(&Forger(key.key()))] {
        assert_eq!(ana.handle(Input::Head(head)), Intake::Duplicate);
    }
    // A member names a message that Ana has never written.
    let (mut ben, bens) = signed(2);
    receive(&mut ana, &say(&mut ben, &bens, &["I am here"])[0]);
    let parent = Parent { author, counter: 7, digest: Digest::of(b"never written") };
    let first = say(&mut ben, &bens, &["hello"]).remove(0);
    let naming = Message { parents: vec![parent], lamport: Lamport(8), ..first.message().clone() };
    assert_eq!(receive(&mut ana, &Frame::sign(&naming, &bens).unwrap()), Intake::Held);
    assert_eq!(ana.conflict(), None);
    assert_eq!(ana.forged_heads().collect::<Vec<_>>(), [author]);
    // Her own key is a proof: a copy of her store is at work.
    let copied = head.signed(&key);
    ana.handle(Input::Head(copied));
    assert!(matches!(ana.conflict(), Some(IdentityConflict::Head { .. })));
}

#[test]
fn without_its_key_an_author_composes_nothing() {
    let (ana, key) = signed(1);
    let content = || [(Kind::Payload, Bytes::from_static(b"hello"))];
    let author = ana.author().unwrap();
    assert_eq!(ana.compose(content(), 0), Err(ComposeError::NoKey(author)));
    assert_eq!(ana.compose_signed(content(), 0, Some(&super::signed::key(2))), Err(ComposeError::NoKey(author)));
    assert!(ana.compose_signed(content(), 0, Some(&key)).is_ok());
}

/// Of many messages that are composed together only some are signed, and they arrive with one verification.
#[test]
fn a_batch_is_signed_at_its_end_and_counts_whole() {
    let (ana, key) = signed(1);
    let contents = (0..150_u8).map(|number| (Kind::Payload, Bytes::from(vec![number])));
    let frames = ana.compose_signed(contents, 0, Some(&key)).unwrap();
    let signed: Vec<u64> =
        frames.iter().filter(|frame| frame.signature().is_some()).map(|frame| frame.id().counter).collect();
    assert_eq!(signed, [1, 64, 128, 150]);
    let mut ben = SessionCore::new(None);
    let intakes = ben.handle_all(frames);
    assert!(intakes.iter().all(|(_, intake)| *intake == Intake::Accepted));
    assert_eq!(ben.timeline().len(), 150);
}

/// A message vouches for the one before it, by counter as well as by digest. A member that names another one of its
/// own as its previous message does not split the others.
#[test]
fn a_message_vouches_for_its_predecessor_alone() {
    let (chain, _) = chain();
    let key = key(1);
    let [first, second, ..] = chain.as_slice() else { panic!() };
    let skipping = Message {
        id: MessageId { counter: 7, ..second.id() },
        lamport: Lamport(3),
        previous: Some(second.digest()),
        ..second.message().clone()
    };
    let skipping = Frame::sign(&skipping, &key).unwrap();
    for order in permutations(&[0, 1, 2]) {
        for cuts in 0..4 {
            let frames = [first.clone(), second.clone(), skipping.clone()];
            let mut core = SessionCore::new(None);
            take_batches(&mut core, &frames, &order, cuts);
            assert_eq!(accepted(&core), [first.digest()], "{order:?} cut at {cuts:b}");
        }
    }
}

/// A message is proven while its file cannot be read, and stays so for as long as that takes.
#[test]
fn a_proof_waits_for_a_file_that_cannot_be_read() {
    let (chain, _) = chain();
    let mut core = SessionCore::new(None);
    core.handle_all(chain[..3].to_vec());
    assert_eq!(accepted(&core), [chain[0].digest()]);
    core.handle_all(vec![chain[3].clone()]);
    for _ in 0..9 {
        while core.poll() != Output::Idle {}
        core.recheck_again();
    }
    for frame in chain[1..3].iter().rev() {
        core.handle_all(vec![frame.clone()]);
        answer(&mut core, &chain);
    }
    assert_eq!(accepted(&core).len(), 4);
}

/// A forger can fill the memory for unproven messages, but keeps out no other author's.
#[test]
fn a_flood_of_forgeries_keeps_nothing_out() {
    let (mut ana, anas) = signed(1);
    let (mut ben, bens) = signed(2);
    let (ana_first, ben_first) = (say(&mut ana, &anas, &["a"]).remove(0), say(&mut ben, &bens, &["b"]).remove(0));
    let parents: Vec<Parent> =
        (10..250).map(|number| Parent { author: author(number), counter: 1, digest: Digest::of(b"nowhere") }).collect();
    let heavy = |counter: u64| {
        let previous = Some(Digest::of(&counter.to_le_bytes()));
        let message = forged(&ana_first, counter, previous).into_message();
        Frame::sign(&Message { parents: parents.clone(), ..message }, &Forger(anas.key())).unwrap()
    };
    let flood: Vec<Frame> = (2..400).map(heavy).collect();
    let later = say(&mut ben, &bens, &["later"]).remove(0);
    let mut cleo = SessionCore::new(None);
    receive(&mut cleo, &ana_first);
    cleo.handle_all(flood);
    let remembered = cleo.unvouched().count();
    assert!((200..300).contains(&remembered), "{remembered} messages");
    // Ben's second message comes before his key, and the flood goes on. Only Ana's forger gives way.
    cleo.handle_all(vec![later.clone()]);
    cleo.handle_all((400..420).map(heavy).collect());
    assert!(cleo.is_held(later.id(), later.digest()));
    let frames = [later.clone(), ben_first.clone()];
    for at in 0..frames.len() {
        cleo.handle_all(vec![frames[at].clone()]);
        answer(&mut cleo, &frames[..=at]);
    }
    assert_eq!(cleo.timeline().len(), 3);
}

/// The proof may come before the former author's key, and stays after a snapshot.
#[test]
fn a_succession_counts_once_it_is_proven() {
    let (mut old, old_key) = signed(1);
    let first = say(&mut old, &old_key, &["as before"]).remove(0);
    let former = old.author().unwrap();
    let (new, new_key) = signed(2);
    let author = new.author().unwrap();
    let proof = old_key.sign(&Statement::succession(&new_key.key()));
    let contents = |proof: &[u8]| [(Kind::Successor, Bytes::from([former.as_bytes(), proof].concat()))];
    let proven = new.compose_signed(contents(proof.as_bytes()), 0, Some(&new_key)).unwrap().remove(0);
    let claimed = new.compose_signed(contents(&[]), 0, Some(&new_key)).unwrap().remove(0);
    let wrong = new.compose_signed(contents(&[7; 64]), 0, Some(&new_key)).unwrap().remove(0);
    for (link, is_proven) in [(&proven, true), (&claimed, false), (&wrong, false)] {
        for order in [[&first, link], [link, &first]] {
            let mut cleo = SessionCore::new(None);
            for frame in order {
                receive(&mut cleo, frame);
            }
            assert_eq!((cleo.former_of(author), cleo.has_proven(author, former)), (Some(former), is_proven));
            let mut bytes = Vec::new();
            cleo.write_snapshot(&mut bytes);
            let again = SessionCore::new(None).with_snapshot(&bytes).unwrap();
            assert_eq!(again.has_proven(author, former), is_proven);
        }
    }
}

/// Who has an author's key can say something else in its name as well: a proof still counts, in any order of arrival.
#[test]
fn a_proof_counts_beside_what_else_its_author_claims() {
    let (mut old, old_key) = signed(1);
    let first = say(&mut old, &old_key, &["as before"]).remove(0);
    let former = old.author().unwrap();
    let (new, new_key) = signed(2);
    let author = new.author().unwrap();
    let proof = old_key.sign(&Statement::succession(&new_key.key()));
    let link = |proof: &[u8], unix_ms| {
        let content = [(Kind::Successor, Bytes::from([former.as_bytes(), proof].concat()))];
        new.compose_signed(content, unix_ms, Some(&new_key)).unwrap().remove(0)
    };
    let (proven, claimed, wrong) = (link(proof.as_bytes(), 5), link(&[], 3), link(&[7; 64], 4));
    for order in
        [[&first, &proven, &claimed, &wrong], [&claimed, &wrong, &proven, &first], [&wrong, &first, &claimed, &proven]]
    {
        let mut cleo = SessionCore::new(None);
        for frame in order {
            receive(&mut cleo, frame);
        }
        assert_eq!((cleo.former_of(author), cleo.has_proven(author, former)), (Some(former), true));
        let mut bytes = Vec::new();
        cleo.write_snapshot(&mut bytes);
        assert!(SessionCore::new(None).with_snapshot(&bytes).unwrap().has_proven(author, former));
    }
}
