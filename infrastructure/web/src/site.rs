//! What all visits of one house share: the body's face, its texts, menu, secret and cookie names.
//!
//! Made once by `outer`; read by `Visit` and the frame. Refuses: anything of a single visit.

use aws_lc_rs::{constant_time, hmac};
use kernel::{Chance, Locale};

use crate::cookie::CookieNames;
use crate::room::MenuItem;
use crate::texts::Texts;

/// Bytes of a CSRF tag; 128 bits can't be guessed, and the token stays short in every form.
const CSRF_TAG_BYTES: usize = 16;

/// What a page says of the body that runs it.
#[derive(Clone, Debug)]
pub struct BodyFace {
    /// Short code, lower-case letters, digits and hyphens; part of cookie names so that bodies on one host don't mix.
    pub code: String,
    /// Name of the body, shown at the top of every page.
    pub name: String,
    /// A second line under the name, for example the province and region; may be empty.
    pub place: String,
    /// How to reach people there: a telephone number or an address; may be empty.
    pub contact: String,
    /// IANA time zone of dates on pages, for example `America/Lima`.
    pub time_zone: String,
    /// Language of a visitor who asked for none.
    pub locale: Locale,
    /// Whether this is a simulated country; every page then says so.
    pub simulated: bool,
}

pub(crate) struct Site {
    pub(crate) face: BodyFace,
    pub(crate) texts: Texts,
    pub(crate) menu: Vec<MenuItem>,
    pub(crate) zone: jiff::tz::TimeZone,
    pub(crate) cookies: CookieNames,
    pub(crate) tls: bool,
    pub(crate) tokens: FormTokens,
}

/// Makes and checks the tokens of forms.
pub(crate) struct FormTokens {
    code: String,
    key: hmac::Key,
}

impl Site {
    pub(crate) fn new(
        face: BodyFace,
        texts: Texts,
        menu: Vec<MenuItem>,
        tls: bool,
        secret: &[u8; 32],
    ) -> Self {
        let zone = jiff::tz::TimeZone::get(&face.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
        let cookies = CookieNames::of(&face.code, tls);
        let tokens = FormTokens::new(&face.code, secret);
        Self {
            face,
            texts,
            menu,
            zone,
            cookies,
            tls,
            tokens,
        }
    }
}

impl FormTokens {
    pub(crate) fn new(code: &str, secret: &[u8; 32]) -> Self {
        Self {
            code: code.to_owned(),
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
        }
    }

    /// A form token for the visitor, masked anew each time so that compression tells nothing of it (BREACH).
    pub(crate) fn make(&self, visitor: &str, chance: &dyn Chance) -> String {
        let mut mask = [0_u8; CSRF_TAG_BYTES];
        chance.fill(&mut mask);
        let tag = self.tag(visitor);
        let masked: Vec<u8> = mask.iter().zip(tag).map(|(a, b)| a ^ b).collect();
        data_encoding::BASE64URL_NOPAD.encode(&[mask.as_slice(), &masked].concat())
    }

    /// Whether `token` was made for this visitor.
    pub(crate) fn hold(&self, visitor: &str, token: &str) -> bool {
        let Ok(bytes) = data_encoding::BASE64URL_NOPAD.decode(token.as_bytes()) else {
            return false;
        };
        if bytes.len() != 2 * CSRF_TAG_BYTES {
            return false;
        }
        let (mask, masked) = bytes.split_at(CSRF_TAG_BYTES);
        let tag: Vec<u8> = mask.iter().zip(masked).map(|(a, b)| a ^ b).collect();
        constant_time::verify_slices_are_equal(&tag, &self.tag(visitor)).is_ok()
    }

    fn tag(&self, visitor: &str) -> [u8; CSRF_TAG_BYTES] {
        let message = format!("tambo form token\n{}\n{visitor}", self.code);
        let tag = hmac::sign(&self.key, message.as_bytes());
        let mut short = [0_u8; CSRF_TAG_BYTES];
        short.copy_from_slice(&tag.as_ref()[..CSRF_TAG_BYTES]);
        short
    }
}
