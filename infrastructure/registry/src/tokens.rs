//! Story: programs of the authority that keep the register by its API, each with a token of its own.
//!
//! A token is made at the machine, shown once, and kept as its digest. It may do what an official with `registry.manage`
//! may; its name stands in the log as the author. It refuses to tell why a token is not taken.

use aws_lc_rs::constant_time;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use kernel::{Actor, Fault, FaultKind};

use crate::domain::names;
use crate::{Register, digest_of, domain, sql};

/// Bytes of a token's secret half: nobody guesses 256 bits.
const SECRET_BYTES: usize = 32;
/// Longest token that is looked at, in bytes: a name, a dot and 43 letters.
const TOKEN_BYTES_MAX: usize = names::CODE_BYTES_MAX + 64;

fn setting(name: &str) -> String {
    format!("token.{name}")
}

fn digest(secret: &str) -> String {
    HEXLOWER.encode(&domain::sha256(secret.as_bytes()))
}

impl Register {
    /// Makes a token for the program `name`; an earlier one of that name ends. This is the only time that it is told.
    ///
    /// # Errors
    /// The name doesn't fit, or the store failed.
    pub async fn make_token(&self, by: &Actor, name: &str) -> Result<String, Fault> {
        if !names::code(name) || name.contains('.') {
            return Err(Fault::invalid("fault-registry-field").arg("field", "name"));
        }
        let mut secret = [0; SECRET_BYTES];
        self.inner.parts.store.chance().fill(&mut secret);
        let secret = BASE64URL_NOPAD.encode(&secret);
        self.set_token(("token-made", by), name, &digest(&secret))
            .await?;
        Ok(format!("{name}.{secret}"))
    }

    /// Ends a program's token.
    ///
    /// # Errors
    /// There is none, or the store failed.
    pub async fn end_token(&self, by: &Actor, name: &str) -> Result<(), Fault> {
        let known = {
            let mut tx = self.read().await?;
            sql::setting::get(&mut tx, &setting(name)).await?
        };
        match known.filter(|digest| !digest.is_empty()) {
            Some(_) => self.set_token(("token-ended", by), name, "").await,
            None => Err(Fault::missing("fault-missing")),
        }
    }

    async fn set_token(&self, kind: (&str, &Actor), name: &str, text: &str) -> Result<(), Fault> {
        let mut tx = self.begin().await?;
        sql::setting::put(&mut tx, &setting(name), text).await?;
        let about = digest_of(&[kind.0, name, text]);
        self.enter(&mut tx, kind, about, &[("program", name)])
            .await?;
        Ok(tx.commit().await?)
    }

    /// The program whose token `shown` is.
    ///
    /// # Errors
    /// It is nobody's, or the store failed.
    pub(crate) async fn program(&self, shown: &str) -> Result<Actor, Fault> {
        let unknown = || Fault::new(FaultKind::Unauthenticated, "fault-registry-token");
        let parted = shown.split_once('.');
        let (name, secret) = parted
            .filter(|_| shown.len() <= TOKEN_BYTES_MAX)
            .ok_or_else(unknown)?;
        let mut tx = self.read().await?;
        let held = sql::setting::get(&mut tx, &setting(name)).await?;
        let held = held.unwrap_or_default();
        // An ended token's digest is empty, which no secret has.
        let shown = digest(secret);
        constant_time::verify_slices_are_equal(held.as_bytes(), shown.as_bytes())
            .map_err(|_| unknown())?;
        Ok(Actor::system(&format!("api:{name}")))
    }
}
