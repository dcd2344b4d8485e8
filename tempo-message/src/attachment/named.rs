//! A file as a message names it, and its name as that of a file on any system.

use alloc::{borrow::ToOwned as _, format, string::String};

use crate::{
    attachment::{
        id::{MAX_ATTACHMENT_NAME, MAX_MEDIA_TYPE},
        manifest::Manifest,
    },
    printable::printable_text,
};

/// A file that a message names. Its content does not travel in the message: it lies beside the messages in
/// [parts](crate::Part), and may come later or never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The content, by its hashes.
    pub manifest: Manifest,
    /// The name that the author gave it, 1 to [`MAX_ATTACHMENT_NAME`] bytes. Anything may stand in it: it is no path.
    pub name: String,
    /// The media type, such as `audio/wav`; empty if the author did not say, at most [`MAX_MEDIA_TYPE`] bytes.
    pub media_type: String,
}

impl Attachment {
    /// Returns whether name and media type have allowed lengths.
    pub(crate) fn has_sound_names(&self) -> bool {
        (1..=MAX_ATTACHMENT_NAME).contains(&self.name.len()) && self.media_type.len() <= MAX_MEDIA_TYPE
    }

    /// Returns a name under which the content can be written into a directory on every usual system: without separators and
    /// other reserved characters, hidden by nothing, and no name of a device. Never empty, and never a path.
    pub fn file_name(&self) -> String {
        let reserved = |c: char| "/\\:*?\"<>|".contains(c) || c.is_control();
        let name = printable_text(&self.name.replace(reserved, "_"));
        let name = name.replace(reserved, "_");
        let name = name.trim_start_matches(['.', ' ', '~']).trim_end_matches(['.', ' ']);
        let stem = name.split('.').next().unwrap_or(name).trim_end();
        if name.is_empty() {
            "file".to_owned()
        } else if is_device(stem) {
            format!("_{name}")
        } else {
            name.to_owned()
        }
    }
}

fn is_device(stem: &str) -> bool {
    const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
    let stem = stem.to_lowercase();
    let mut chars = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt")).unwrap_or_default().chars();
    let is_port = matches!((chars.next(), chars.next()), (Some('0'..='9' | '¹' | '²' | '³'), None));
    is_port || DEVICES.contains(&stem.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attachment::hasher::ManifestHasher;

    #[test]
    fn no_name_leads_out_of_a_directory_or_to_a_device() {
        let mut hasher = ManifestHasher::new(10);
        hasher.update(b"x").unwrap();
        let manifest = hasher.finish().unwrap();
        let named = |name: &str| {
            let attachment =
                Attachment { manifest: manifest.clone(), name: name.to_owned(), media_type: String::new() };
            attachment.file_name()
        };
        let same = ["take 1.wav", "Zo\u{eb} – Übung (3).aif", "console.wav", "com10.wav", "日本.wav"];
        assert!(same.iter().all(|name| named(name) == *name));
        for (name, safe) in [
            ("../../etc/passwd", "_.._etc_passwd"),
            ("C:\\take.wav", "C__take.wav"),
            (".bashrc", "bashrc"),
            ("~tempo-1.tmp", "tempo-1.tmp"),
            ("...", "file"),
            (" . ", "file"),
            ("take. ", "take"),
            ("con", "_con"),
            ("NUL.wav", "_NUL.wav"),
            ("Com1 .wav", "_Com1 .wav"),
            ("lpt\u{b2}.txt", "_lpt\u{b2}.txt"),
            ("a\nb", "a_b"),
        ] {
            assert_eq!(named(name), safe, "{name:?}");
        }
        assert!(!named("a\u{202e}gnp.exe").contains('\u{202e}'), "it would be shown backwards");
    }
}
