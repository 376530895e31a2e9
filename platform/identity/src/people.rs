//! Accounts, posts and appointments. Read by whoever sets a body up, and by the sign-in stories.

use kernel::{Actor, Fault, Role};
use store::{Row, StoreError, Tx, params};

use crate::domain::{Method, NAME_CHARS_MAX, Post};
use crate::{Identity, sql};

/// Most people that the practice list shows.
const LISTED_MAX: i64 = 60;

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) name: String,
    /// The random UUID that authenticators keep; it tells nothing of the person (WebAuthn 14.6.1).
    pub(crate) handle: String,
}

/// One line of the practice country's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The account.
    pub account: String,
    /// National number.
    pub subject: String,
    /// Name.
    pub name: String,
    /// Name of the post, for officials.
    pub post: Option<String>,
}

impl Account {
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.text(0)?,
            subject: row.text(1)?,
            name: row.text(2)?,
            handle: row.text(3)?,
        })
    }
}

impl Identity {
    /// Adds a person, or renames whoever has this national number already. Gives the account.
    ///
    /// # Errors
    /// `fault-identity-number` if the number's check fails, `fault-identity-name` if the name is empty or too long.
    pub async fn add_person(&self, subject: &str, name: &str) -> Result<String, Fault> {
        let mut tx = self.store().begin().await?;
        let account = self.put_account(&mut tx, subject, name).await?;
        tx.commit().await?;
        Ok(account)
    }

    /// Adds a post or changes its name and rights; who holds it has the new rights at the next request.
    ///
    /// # Errors
    /// The store fails.
    pub async fn put_post(&self, post: &Post) -> Result<(), Fault> {
        let rights = serde_json::to_string(&post.rights).map_err(Fault::internal)?;
        let mut tx = self.store().begin().await?;
        tx.execute(sql::PUT_POST, &params![&post.code, &post.name, rights])
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Adds a person and appoints them to `post`, which must be there. Gives the account.
    ///
    /// # Errors
    /// As `add_person`; `fault-identity-post` if there is no such post.
    pub async fn add_official(
        &self,
        subject: &str,
        name: &str,
        post: &str,
    ) -> Result<String, Fault> {
        let mut tx = self.store().begin().await?;
        let account = self.put_account(&mut tx, subject, name).await?;
        if tx.maybe(sql::POST_BY_CODE, &params![post]).await?.is_none() {
            return Err(Fault::invalid("fault-identity-post").arg("post", post));
        }
        tx.execute(sql::APPOINT, &params![&account, post, self.now()])
            .await?;
        tx.commit().await?;
        Ok(account)
    }

    /// Ends an appointment and all sessions of that account.
    ///
    /// # Errors
    /// The store fails.
    pub async fn dismiss(&self, account: &str, post: &str) -> Result<(), Fault> {
        let mut tx = self.store().begin().await?;
        tx.execute(sql::DISMISS, &params![account, post, self.now()])
            .await?;
        tx.execute(sql::END_ALL_SESSIONS, &params![account]).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Everybody, for the list of a practice country; at most sixty.
    ///
    /// # Errors
    /// The store fails.
    pub async fn people(&self) -> Result<Vec<Listed>, Fault> {
        let mut tx = self.store().read().await?;
        let rows = tx.all(sql::ACCOUNTS, &params![LISTED_MAX]).await?;
        let listed = rows.iter().map(|row| {
            let account = Account::read(row)?;
            let post = row.opt_text(4)?;
            Ok(Listed {
                account: account.id,
                subject: account.subject,
                name: account.name,
                post,
            })
        });
        Ok(listed.collect::<Result<_, StoreError>>()?)
    }

    /// The actor that the account would be after signing in by `method`, in its first post if it has one. For journeys and
    /// jobs that act inside the house without a browser.
    ///
    /// # Errors
    /// `fault-missing` if there is no such account.
    pub async fn actor_without_session(
        &self,
        account: &str,
        method: Method,
    ) -> Result<Actor, Fault> {
        let mut tx = self.store().read().await?;
        let account = account_by(&mut tx, sql::ACCOUNT_BY_ID, account)
            .await?
            .ok_or_else(|| Fault::missing("fault-missing"))?;
        let post = posts_of(&mut tx, &account.id).await?.into_iter().next();
        Ok(actor(
            &account,
            post.map(|post| (post.code, post.rights)),
            method,
        ))
    }

    pub(crate) fn practises(&self) -> bool {
        self.inner.practice
    }

    /// The account picked from the list; refused where the country is real.
    pub(crate) async fn practice_account(&self, id: &str) -> Result<Account, Fault> {
        if !self.practises() {
            return Err(Fault::missing("fault-no-page").detail("this is no practice country"));
        }
        let mut tx = self.store().read().await?;
        let account = account_by(&mut tx, sql::ACCOUNT_BY_ID, id).await?;
        account.ok_or_else(|| Fault::missing("fault-missing"))
    }

    /// The posts that the account holds now.
    pub(crate) async fn posts(&self, account: &str) -> Result<Vec<Post>, Fault> {
        posts_of(&mut self.store().read().await?, account).await
    }

    pub(crate) async fn put_account(
        &self,
        tx: &mut Tx,
        subject: &str,
        name: &str,
    ) -> Result<String, Fault> {
        let subject = self.read_subject(subject)?;
        let name = name.trim();
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
            return Err(Fault::invalid("fault-identity-name"));
        }
        let (id, handle) = (self.new_id(), self.inner.chance.uuid());
        let row = tx
            .one(
                sql::ADD_ACCOUNT,
                &params![id, subject, name, handle, self.now()],
            )
            .await?;
        Ok(row.text(0)?)
    }

    /// The national number in its plain form.
    pub(crate) fn read_subject(&self, typed: &str) -> Result<String, Fault> {
        let scheme = &self.inner.scheme;
        let plain = scheme.parse(typed).map_err(|bad| {
            Fault::invalid("fault-identity-number")
                .arg("number", scheme.name.clone())
                .detail(bad)
        })?;
        // One person, one account: the check character is left off where people may leave it off.
        let digits = if scheme.check_optional {
            scheme.digits
        } else {
            plain.len()
        };
        Ok(plain.chars().take(digits).collect())
    }
}

pub(crate) async fn account_by(
    tx: &mut Tx,
    statement: &'static str,
    key: &str,
) -> Result<Option<Account>, StoreError> {
    tx.maybe(statement, &params![key])
        .await?
        .map(|row| Account::read(&row))
        .transpose()
}

pub(crate) async fn posts_of(tx: &mut Tx, account: &str) -> Result<Vec<Post>, Fault> {
    let rows = tx.all(sql::POSTS_OF, &params![account]).await?;
    rows.iter()
        .map(|row| {
            Ok(Post {
                code: row.text(0)?,
                name: row.text(1)?,
                rights: rights(&row.text(2)?)?,
            })
        })
        .collect()
}

pub(crate) fn rights(json: &str) -> Result<Vec<String>, Fault> {
    serde_json::from_str(json).map_err(Fault::internal)
}

pub(crate) fn actor(
    account: &Account,
    post: Option<(String, Vec<String>)>,
    method: Method,
) -> Actor {
    let role = match post {
        Some((post, rights)) => Role::Official { post, rights },
        None => Role::Person,
    };
    Actor {
        account: account.id.clone(),
        subject: account.subject.clone(),
        name: account.name.clone(),
        role,
        assurance: method.assurance(),
    }
}
