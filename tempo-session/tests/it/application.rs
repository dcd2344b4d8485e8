//! What an application writes with this crate alone: a codec, a source of identities, tests of a reducer, and types that
//! change.

use std::{error::Error, sync::Arc};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tempo_session::{
    AuthorId, Codec, Entry, MessageId, Postcard, Session, Typed,
    components::{Components, Ed25519, IdentitySource, MemoryMedium, SecretKey, Sign, is_signed},
    error::{CodecError, SendError, Unread},
    replica::Reducer,
    store::{Marks, MemoryStore},
};

use crate::support::{Place, timeline};

/// The source of one signed author after another, which the crate's own names are enough for.
#[derive(Debug)]
struct Keys(Vec<SecretKey>);

impl IdentitySource for Keys {
    fn author(&mut self) -> Result<AuthorId, Box<dyn Error + Send + Sync>> {
        let number = u8::try_from(self.0.len())?;
        self.0.push(SecretKey::from_seed(&[number + 1; 32]));
        Ok(self.0.last().ok_or("no key")?.key().author())
    }

    fn signer(&mut self, author: AuthorId) -> Result<Option<Box<dyn Sign>>, Box<dyn Error + Send + Sync>> {
        let key = self.0.iter().find(|key| key.key().author() == author);
        Ok(key.map(|key| Box::new(SecretKey::from_seed(key.as_seed())) as Box<dyn Sign>))
    }

    fn nonce(&mut self) -> u64 {
        4
    }
}

#[test]
fn a_session_of_own_components_needs_no_other_crate() {
    let mut keys = Keys(Vec::new());
    let author = keys.author().unwrap();
    assert!(is_signed(author));
    let store = MemoryStore::new(Some(author));
    let components = Components {
        identity: Box::new(keys),
        verify: Arc::new(Ed25519),
        ..Components::new(Box::new(MemoryMedium::default().transport()), Box::new(store))
    };
    let (session, mut driver) = Session::assemble(components).unwrap();
    session.send("signed").unwrap();
    driver.turn();
    assert_eq!(timeline(&session)[0].author(), author);
}

#[test]
fn a_session_without_a_source_of_authors_says_what_to_do() {
    let marks = Marks::new(Some(AuthorId::from_bytes([1; 16])));
    assert_eq!(marks.author(), Some(AuthorId::from([1; 16])));
    let failed = tempo_session::components::NoIdentity.author().unwrap_err();
    assert_eq!(failed.to_string(), "the session has no source of authors; give it one as `Components::identity`");
}

/// Lines of text, without any serde format.
#[derive(Debug)]
struct Lines;

#[derive(Debug, thiserror::Error, PartialEq)]
#[error("line {0} is not text")]
struct NotText(usize);

impl Codec for Lines {
    fn encode<T: Serialize + ?Sized>(_: &T) -> Result<Vec<u8>, CodecError> {
        Err(CodecError::other(NotText(7)))
    }

    fn decode<T: DeserializeOwned>(_: &[u8]) -> Result<T, CodecError> {
        Err(CodecError::other("nothing is ever read"))
    }
}

#[test]
fn a_codec_reports_its_own_error() {
    let place = Place::new();
    let ana = place.member("ana");
    let lines = ana.typed_as::<String, Lines>();
    let Err(SendError::Codec(error)) = lines.send(&"hello".to_owned()) else { panic!("it has no encoding") };
    assert_eq!(error.source().unwrap().downcast_ref(), Some(&NotText(7)));
    ana.send("hello").unwrap();
    let unread = lines.read(&timeline(&ana)[0]).unwrap_err();
    assert_eq!(unread.source().unwrap().source().unwrap().to_string(), "nothing is ever read");
}

/// The first version of an application's protocol.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum First {
    Add { text: String },
}

/// The second version, which has grown at its end.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Second {
    Add { text: String },
    AddV2 { text: String, shop: String },
}

/// A change that postcard does not allow: a field with a default in a variant that was sent.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Trap {
    Add {
        text: String,
        #[serde(default)]
        shop: String,
    },
}

/// Lists what it can read, and counts what it cannot.
struct List;

#[derive(Debug, Clone, Default, PartialEq)]
struct Items {
    texts: Vec<String>,
    unread: Vec<MessageId>,
}

impl Reducer for List {
    type State = Items;

    fn initial(&self) -> Items {
        Items::default()
    }

    fn apply(&self, items: &mut Items, entry: &Entry) {
        match Typed::<First>::read_entry(entry) {
            Ok(First::Add { text }) => items.texts.push(text),
            Err(Unread { id, .. }) => items.unread.push(id),
        }
    }
}

fn entry<T: Serialize>(counter: u64, value: &T) -> Entry {
    let id = MessageId { author: AuthorId::from_bytes([9; 16]), counter };
    Entry::new(id, Postcard::encode(value).unwrap())
}

/// The earlier version of an application reads what it knows, and names the rest. The later version reads everything.
#[test]
fn an_enum_that_grows_at_its_end_is_read_by_both_versions() {
    let old = entry(1, &First::Add { text: "bread".to_owned() });
    let new = entry(2, &Second::AddV2 { text: "milk".to_owned(), shop: "corner".to_owned() });
    let mut items = List.initial();
    List.apply(&mut items, &old);
    List.apply(&mut items, &new);
    assert_eq!(items, Items { texts: vec!["bread".to_owned()], unread: vec![new.id] });

    let read = |entry| Typed::<Second>::read_entry(entry).unwrap();
    assert_eq!(read(&old), Second::Add { text: "bread".to_owned() });
    assert_eq!(read(&new), Second::AddV2 { text: "milk".to_owned(), shop: "corner".to_owned() });

    let unread = Typed::<First>::read_entry(&new).unwrap_err();
    let expected = std::any::type_name::<First>();
    let says = format!("message {} is not a {expected} as this version of the application knows it", new.id);
    assert_eq!(unread.to_string(), says);
    assert!(matches!(unread.source, CodecError::Postcard(_)));
}

/// The reason for the rule above.
#[test]
fn a_default_does_not_help_in_postcard() {
    let old = entry(1, &First::Add { text: "bread".to_owned() });
    assert!(Typed::<Trap>::read_entry(&old).is_err());
}

#[cfg(feature = "json")]
#[test]
fn a_default_helps_in_a_format_with_names() {
    use tempo_session::Json;

    let id = MessageId { author: AuthorId::from_bytes([9; 16]), counter: 1 };
    let old = Entry::new(id, Json::encode(&First::Add { text: "bread".to_owned() }).unwrap());
    let read = Typed::<Trap, Json>::read_entry(&old).unwrap();
    assert_eq!(read, Trap::Add { text: "bread".to_owned(), shop: String::new() });
    let new = Entry::new(id, Json::encode(&Trap::Add { text: "milk".to_owned(), shop: "corner".to_owned() }).unwrap());
    assert_eq!(Typed::<First, Json>::read_entry(&new).unwrap(), First::Add { text: "milk".to_owned() });
}

/// An entry for a test has everything that a reducer may depend on.
#[test]
fn an_entry_is_made_without_a_session() {
    let id = MessageId { author: AuthorId::from_bytes([9; 16]), counter: 3 };
    let mut entry = Entry::new(id, "hello");
    entry.position = 4;
    entry.name = Some("Ana".to_owned());
    assert_eq!((entry.author(), entry.stamp.author, entry.stamp.lamport.0), (id.author, id.author, 3));
    assert_eq!((entry.position, &entry.payload[..]), (4, &b"hello"[..]));
}

/// The rows of the status add up to its total, and progress ends at everything.
#[test]
fn figures_agree_although_names_are_messages() {
    let place = Place::new();
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    ana.send_all(["one", "two"]).unwrap();
    ana.flush(crate::support::STUCK);
    while ben.timeline().len() < 2 {
        ben.refresh(crate::support::STUCK).unwrap();
    }
    ben.send("three").unwrap();
    let check = |session: &Session| {
        let status = session.status();
        assert_eq!(status.members.iter().map(|member| member.messages).sum::<u64>(), 3);
        assert_eq!(status.messages, 3);
        // The names of both are messages, too.
        assert_eq!(status.arrived(), (5, 5));
    };
    check(&ben);
    ben.close().unwrap();
    // From the snapshot that closing keeps, and the log.
    check(&place.member("ben"));
}
