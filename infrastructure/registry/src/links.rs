//! Story: somebody of the authority makes a join link, or revokes one.

use kernel::{Actor, Fault, FaultKind, MemberId};

use crate::domain::base32;
use crate::domain::link::{ID_BYTES, Link, SECRET_BYTES};
use crate::sql::{self, link::LinkRow};
use crate::{Register, digest_of};

/// How long a link is good, in seconds: a week, since it goes by letter or by a meeting in some districts.
pub const LINK_SECONDS: i64 = 7 * 24 * 3_600;
/// Most links that are good at once: more than a country invites in a week, and a bound for the table.
const OPEN_MAX: i64 = 2_000;

impl Register {
    /// Makes a link: for any body, or for `member`, which exists and sets up a lost server anew.
    ///
    /// # Errors
    /// There is no such member, too many links are open, or the store failed.
    pub async fn make_link(&self, by: &Actor, member: Option<&MemberId>) -> Result<Link, Fault> {
        let chance = self.inner.parts.store.chance().clone();
        let (mut id, mut secret) = ([0; ID_BYTES], vec![0; SECRET_BYTES]);
        chance.fill(&mut id);
        chance.fill(&mut secret);
        let (id, now) = (base32(&id), self.now());
        let mut tx = self.begin().await?;
        if sql::link::count_open(&mut tx, now).await? >= OPEN_MAX {
            return Err(Fault::new(FaultKind::TooMany, "fault-registry-links"));
        }
        if let Some(member) = member {
            let known = sql::member::by_code(&mut tx, &member.class, &member.code).await?;
            if known.is_none() || member.instance != self.founding().owner.instance {
                return Err(Fault::missing("fault-registry-member"));
            }
        }
        let times = (now, now.plus_seconds(LINK_SECONDS));
        sql::link::put(&mut tx, (&id, &secret), member, &by.account, times).await?;
        let digest = digest_of(&["link-made", &id]);
        self.enter(&mut tx, ("link-made", by), digest, &[("link", &id)])
            .await?;
        tx.commit().await?;
        Ok(Link {
            origin: self.founding().url.clone(),
            id,
            secret,
            pin: self.pin(),
        })
    }

    /// Revokes a link that nobody used yet.
    ///
    /// # Errors
    /// It is not open, or the store failed.
    pub async fn revoke_link(&self, by: &Actor, id: &str) -> Result<(), Fault> {
        let mut tx = self.begin().await?;
        if !sql::link::revoke(&mut tx, id).await? {
            return Err(Fault::missing("fault-registry-link-closed"));
        }
        let digest = digest_of(&["link-revoked", id]);
        self.enter(&mut tx, ("link-revoked", by), digest, &[("link", id)])
            .await?;
        Ok(tx.commit().await?)
    }

    /// Links that are good now, the latest end first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn open_links(&self) -> Result<Vec<LinkRow>, Fault> {
        let now = self.now();
        let mut tx = self.read().await?;
        Ok(sql::link::open(&mut tx, now).await?)
    }
}

impl Register {
    /// A link that is still good.
    ///
    /// # Errors
    /// There is none with this name, it is not good any more, or the store failed.
    pub async fn open_link_row(&self, id: &str) -> Result<LinkRow, Fault> {
        let now = self.now();
        let mut tx = self.read().await?;
        let row = sql::link::one(&mut tx, id).await?;
        row.filter(|row| row.state == "open" && now < row.until)
            .ok_or_else(|| Fault::missing("fault-registry-link-closed"))
    }

    /// The link of a row, to be shown to an official once more.
    pub fn link_of(&self, row: &LinkRow) -> Link {
        Link {
            origin: self.founding().url.clone(),
            id: row.id.clone(),
            secret: row.secret.clone(),
            pin: self.pin(),
        }
    }
}
