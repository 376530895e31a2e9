//! Sessions: a random token in a cookie, its SHA-256 at rest, an idle and an absolute end.
//!
//! Promises: each sign-in makes a new token (no fixation), rights are read anew on every request, ending is at once.

use aws_lc_rs::digest;
use kernel::{Actor, Fault, Moment};
use store::{Tx, params};

use crate::domain::FAILURE_WINDOW_SECONDS;
use crate::domain::{Method, SESSION_IDLE_SECONDS, SESSION_SECONDS_MAX, TOUCH_SECONDS, before};
use crate::people::{Account, actor, posts_of, rights};
use crate::{Identity, sql};

/// One session as its owner sees it.
#[derive(Clone, Debug)]
pub struct Session {
    /// How it began.
    pub method: Method,
    /// When it began.
    pub created_at: Moment,
    /// When it was last used, to the minute.
    pub used_at: Moment,
    /// Whether it is the one that asks.
    pub this: bool,
}

impl Identity {
    /// Begins a session for the account and ends the one that the browser brought along. Gives the new token.
    /// An official acts in the first post; `/account` changes it.
    pub(crate) async fn begin_session(
        &self,
        account: &Account,
        method: Method,
        old: Option<&str>,
    ) -> Result<String, Fault> {
        let mut tx = self.store().begin().await?;
        let post = posts_of(&mut tx, &account.id)
            .await?
            .into_iter()
            .next()
            .map(|post| post.code);
        let token = self
            .insert_session(&mut tx, &account.id, post, method, old)
            .await?;
        tx.commit().await?;
        tracing::info!(account = account.id, method = method.word(), "signed in");
        Ok(token)
    }

    /// A session for the account without a page, as for a test or a journey over HTTP. Gives the token.
    ///
    /// # Errors
    /// `fault-missing` if there is no such account.
    pub async fn open_session(&self, account: &str, method: Method) -> Result<String, Fault> {
        let mut tx = self.store().read().await?;
        let found = crate::people::account_by(&mut tx, sql::ACCOUNT_BY_ID, account).await?;
        drop(tx);
        let account = found.ok_or_else(|| Fault::missing("fault-missing"))?;
        self.begin_session(&account, method, None).await
    }

    /// Changes whom an official acts as: in a post, or as a person. Gives the new token.
    pub(crate) async fn act_as(
        &self,
        token: &str,
        account: &str,
        post: Option<&str>,
    ) -> Result<String, Fault> {
        let mut tx = self.store().begin().await?;
        let held = posts_of(&mut tx, account).await?;
        if post.is_some_and(|wanted| !held.iter().any(|post| post.code == wanted)) {
            return Err(Fault::denied("fault-denied").detail("holds no such post"));
        }
        let Some(row) = tx.maybe(sql::SESSION, &self.session_key(token)).await? else {
            return Err(Fault::new(
                kernel::FaultKind::Unauthenticated,
                "fault-sign-in",
            ));
        };
        let method = Method::read(&row.text(2)?);
        let post = post.map(str::to_owned);
        let token = self
            .insert_session(&mut tx, account, post, method, Some(token))
            .await?;
        tx.commit().await?;
        Ok(token)
    }

    async fn insert_session(
        &self,
        tx: &mut Tx,
        account: &str,
        post: Option<String>,
        method: Method,
        old: Option<&str>,
    ) -> Result<String, Fault> {
        if let Some(old) = old {
            tx.execute(sql::END_SESSION, &params![hash(old)]).await?;
        }
        let (token, now) = (self.inner.chance.token(), self.now());
        let until = now.plus_seconds(SESSION_SECONDS_MAX);
        let row = params![hash(&token), account, post, method.word(), now, until];
        tx.execute(sql::ADD_SESSION, &row).await?;
        Ok(token)
    }

    pub(crate) async fn session_actor(&self, token: &str) -> Result<Option<Actor>, Fault> {
        let mut tx = self.store().read().await?;
        let Some(row) = tx.maybe(sql::SESSION, &self.session_key(token)).await? else {
            return Ok(None);
        };
        let (id, post) = (row.text(0)?, row.opt_text(1)?);
        let held = match post {
            None => None,
            Some(post) => {
                let found = tx.maybe(sql::RIGHTS_NOW, &params![&id, &post]).await?;
                found
                    .map(|found| Ok::<_, Fault>((post, rights(&found.text(0)?)?)))
                    .transpose()?
            }
        };
        drop(tx);
        let account = Account {
            id,
            subject: row.text(4)?,
            name: row.text(5)?,
            handle: String::new(),
        };
        self.touch(token, row.moment(3)?).await?;
        Ok(Some(actor(&account, held, Method::read(&row.text(2)?))))
    }

    /// Ends the session of the token.
    ///
    /// # Errors
    /// The store fails.
    pub async fn end_session(&self, token: &str) -> Result<(), Fault> {
        let mut tx = self.store().begin().await?;
        tx.execute(sql::END_SESSION, &params![hash(token)]).await?;
        Ok(tx.commit().await?)
    }

    /// Ends all sessions of the account but the one of the token.
    pub(crate) async fn end_other_sessions(&self, account: &str, token: &str) -> Result<(), Fault> {
        let mut tx = self.store().begin().await?;
        tx.execute(sql::END_OTHER_SESSIONS, &params![account, hash(token)])
            .await?;
        Ok(tx.commit().await?)
    }

    /// The sessions of an account that still hold, latest first.
    pub(crate) async fn sessions_of(
        &self,
        account: &str,
        token: &str,
    ) -> Result<Vec<Session>, Fault> {
        let (now, this) = (self.now(), hash(token));
        let mut tx = self.store().read().await?;
        let idle = before(now, SESSION_IDLE_SECONDS);
        let rows = tx
            .all(sql::SESSIONS_OF, &params![account, now, idle])
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Session {
                    this: row.text(0)? == this,
                    method: Method::read(&row.text(1)?),
                    created_at: row.moment(2)?,
                    used_at: row.moment(3)?,
                })
            })
            .collect()
    }

    /// Deletes what has expired.
    pub(crate) async fn sweep(&self) -> Result<(), Fault> {
        let now = self.now();
        let mut tx = self.store().begin().await?;
        tx.execute(
            sql::SWEEP_SESSIONS,
            &params![now, before(now, SESSION_IDLE_SECONDS)],
        )
        .await?;
        tx.execute(sql::SWEEP_CEREMONIES, &params![now]).await?;
        tx.execute(sql::SWEEP_CODES, &params![now]).await?;
        tx.execute(
            sql::SWEEP_ATTEMPTS,
            &params![before(now, FAILURE_WINDOW_SECONDS)],
        )
        .await?;
        Ok(tx.commit().await?)
    }

    async fn touch(&self, token: &str, used_at: Moment) -> Result<(), Fault> {
        if self.now().seconds_since(used_at) < TOUCH_SECONDS {
            return Ok(());
        }
        let mut tx = self.store().begin().await?;
        tx.execute(sql::TOUCH_SESSION, &params![hash(token), self.now()])
            .await?;
        Ok(tx.commit().await?)
    }

    fn session_key(&self, token: &str) -> [store::Value; 3] {
        let now = self.now();
        params![hash(token), now, before(now, SESSION_IDLE_SECONDS)]
    }
}

/// What is kept of a token. It has 256 random bits, so a plain hash can't be turned back.
fn hash(token: &str) -> String {
    data_encoding::HEXLOWER.encode(digest::digest(&digest::SHA256, token.as_bytes()).as_ref())
}
