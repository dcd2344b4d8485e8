//! Names that are spelled in several ways: systems differ in case and in Unicode form.

use std::{
    borrow::Cow,
    ffi::{OsStr, OsString},
    path::Path,
};

use tempo_message::planted;
use unicode_normalization::UnicodeNormalization;

/// Returns a path or a name for systems that ignore case and Unicode form in names.
pub(crate) fn folded(path: &Path) -> String {
    let text = path.to_string_lossy();
    if planted!(FolderSpelled) {
        return text.to_lowercase();
    }
    text.nfc().flat_map(char::to_lowercase).collect()
}

/// Returns a name in composed form (NFC). Apple's older volumes give names in decomposed form.
pub(crate) fn composed(name: &OsStr) -> Cow<'_, OsStr> {
    match name.to_str() {
        Some(text) if !text.is_ascii() => OsString::from(text.nfc().collect::<String>()).into(),
        _ => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_equal() {
        assert_eq!(folded(Path::new("ZOE\u{308}.session")), folded(Path::new("zo\u{eb}.Session")));
        assert_eq!(composed(OsStr::new("Zoe\u{308}")), OsStr::new("Zo\u{eb}"));
        assert_eq!(composed(OsStr::new("plain")), OsStr::new("plain"));
    }
}
