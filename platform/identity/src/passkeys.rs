//! Passkeys: registration and sign-in (WebAuthn level 3), discoverable, so that nobody types a number.
//!
//! Promises: a challenge belongs to one browser, works once and for five minutes; a counter that runs backwards is refused.
//! The challenge's own randomness comes from the WebAuthn library: it is the one place where chance is not a parameter.

use kernel::{Fault, Moment};
use serde_json::{Value, json};
use store::{StoreError, params};
use web::Visit;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, DiscoverableKey, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Uuid,
};

use crate::domain::{CEREMONY_SECONDS, Method, PASSKEYS_MAX};
use crate::people::{Account, account_by};
use crate::{Identity, sql};

/// Longest label of a passkey.
const LABEL_CHARS_MAX: usize = 60;

/// One passkey as its owner sees it.
#[derive(Clone, Debug)]
pub(crate) struct KeyLine {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) created_at: Moment,
    pub(crate) used_at: Option<Moment>,
}

impl Identity {
    /// Begins the registration of a passkey: what the browser's `create` wants, and the ceremony's identifier.
    pub(crate) async fn begin_passkey(&self, visit: &Visit, account: &str) -> Result<Value, Fault> {
        let mut tx = self.store().read().await?;
        let account = account_by(&mut tx, sql::ACCOUNT_BY_ID, account)
            .await?
            .ok_or_else(|| Fault::missing("fault-missing"))?;
        let rows = tx.all(sql::PASSKEYS_OF, &params![&account.id]).await?;
        drop(tx);
        if rows.len() >= PASSKEYS_MAX {
            let most = PASSKEYS_MAX.to_string();
            return Err(Fault::invalid("fault-identity-passkeys-many").arg("most", most));
        }
        let keys = rows
            .iter()
            .map(|row| passkey(&row.text(2)?))
            .collect::<Result<Vec<_>, _>>()?;
        let known = keys.iter().map(|key| key.cred_id().clone()).collect();
        let handle = Uuid::parse_str(&account.handle).map_err(Fault::internal)?;
        let (options, state) = self
            .inner
            .webauthn
            .start_passkey_registration(handle, &account.name, &account.name, Some(known))
            .map_err(Fault::internal)?;
        let mut options = serde_json::to_value(options).map_err(Fault::internal)?;
        // Discoverable: the authenticator itself remembers whose key it is, so signing in needs no number.
        options["publicKey"]["authenticatorSelection"]["residentKey"] = json!("required");
        options["publicKey"]["authenticatorSelection"]["requireResidentKey"] = json!(true);
        let state = serde_json::to_string(&state).map_err(Fault::internal)?;
        let id = self.keep_ceremony(visit, Some(&account.id), state).await?;
        Ok(json!({ "ceremony": id, "options": options }))
    }

    /// Ends the registration with what the authenticator made.
    pub(crate) async fn finish_passkey(
        &self,
        visit: &Visit,
        account: &str,
        ceremony: &str,
        credential: &str,
        label: &str,
    ) -> Result<(), Fault> {
        let (state, whose) = self.take_ceremony(visit, ceremony).await?;
        if whose.as_deref() != Some(account) {
            return Err(refused("the ceremony belongs to another account"));
        }
        let state: PasskeyRegistration = serde_json::from_str(&state).map_err(refused)?;
        let made: RegisterPublicKeyCredential =
            serde_json::from_str(credential).map_err(refused)?;
        let key = self
            .inner
            .webauthn
            .finish_passkey_registration(&made, &state)
            .map_err(refused)?;
        let label: String = match label.trim() {
            "" => visit.date(visit.now),
            label => label.chars().take(LABEL_CHARS_MAX).collect(),
        };
        let text = serde_json::to_string(&key).map_err(Fault::internal)?;
        let mut tx = self.store().begin().await?;
        let row = params![
            self.new_id(),
            account,
            credential_id(&key),
            text,
            label,
            self.now()
        ];
        match tx.execute(sql::ADD_PASSKEY, &row).await {
            Err(error) if error.is_duplicate() => return Err(refused("registered already")),
            other => other?,
        };
        tx.commit().await?;
        tracing::info!(account, "passkey added");
        Ok(())
    }

    /// Begins a sign-in: what the browser's `get` wants, and the ceremony's identifier.
    pub(crate) async fn begin_sign_in(&self, visit: &Visit) -> Result<Value, Fault> {
        let (options, state) = self
            .inner
            .webauthn
            .start_discoverable_authentication()
            .map_err(Fault::internal)?;
        let mut options = serde_json::to_value(options).map_err(Fault::internal)?;
        // The person pressed a button, so the browser asks at once instead of waiting in a field's suggestions.
        if let Some(options) = options.as_object_mut() {
            options.remove("mediation");
        }
        let state = serde_json::to_string(&state).map_err(Fault::internal)?;
        let id = self.keep_ceremony(visit, None, state).await?;
        Ok(json!({ "ceremony": id, "options": options }))
    }

    /// Ends a sign-in with what the authenticator signed.
    pub(crate) async fn finish_sign_in(
        &self,
        visit: &Visit,
        ceremony: &str,
        credential: &str,
    ) -> Result<(Account, Method), Fault> {
        let (state, _) = self.take_ceremony(visit, ceremony).await?;
        let state: DiscoverableAuthentication = serde_json::from_str(&state).map_err(refused)?;
        let signed: PublicKeyCredential = serde_json::from_str(credential).map_err(refused)?;
        let webauthn = &self.inner.webauthn;
        let (handle, id) = webauthn
            .identify_discoverable_authentication(&signed)
            .map_err(refused)?;
        let id = data_encoding::BASE64URL_NOPAD.encode(id);
        let mut tx = self.store().begin().await?;
        let account = account_by(&mut tx, sql::ACCOUNT_BY_HANDLE, &handle.to_string())
            .await?
            .ok_or_else(|| refused("nobody has this handle"))?;
        let row = tx
            .maybe(sql::PASSKEY, &params![id, &account.id])
            .await?
            .ok_or_else(|| refused("no such passkey"))?;
        let mut key = passkey(&row.text(1)?)?;
        let result = webauthn
            .finish_discoverable_authentication_v2(&signed, state, DiscoverableKey::from(&key))
            .map_err(refused)?;
        key.update_credential(&result);
        let text = serde_json::to_string(&key).map_err(Fault::internal)?;
        tx.execute(sql::USE_PASSKEY, &params![row.text(0)?, text, self.now()])
            .await?;
        tx.commit().await?;
        let method = if result.user_verified() {
            Method::Passkey
        } else {
            Method::PasskeyTouch
        };
        Ok((account, method))
    }

    /// The passkeys of an account.
    pub(crate) async fn passkeys_of(&self, account: &str) -> Result<Vec<KeyLine>, Fault> {
        let mut tx = self.store().read().await?;
        let rows = tx.all(sql::PASSKEYS_OF, &params![account]).await?;
        let lines = rows.iter().map(|row| {
            let (id, label) = (row.text(0)?, row.text(3)?);
            Ok(KeyLine {
                id,
                label,
                created_at: row.moment(4)?,
                used_at: row.opt_moment(5)?,
            })
        });
        Ok(lines.collect::<Result<_, StoreError>>()?)
    }

    /// Removes a passkey of this account.
    pub(crate) async fn remove_passkey(&self, account: &str, id: &str) -> Result<(), Fault> {
        let mut tx = self.store().begin().await?;
        if tx
            .execute(sql::REMOVE_PASSKEY, &params![id, account])
            .await?
            == 0
        {
            return Err(Fault::missing("fault-missing"));
        }
        tx.commit().await?;
        tracing::info!(account, "passkey removed");
        Ok(())
    }

    async fn keep_ceremony(
        &self,
        visit: &Visit,
        account: Option<&str>,
        state: String,
    ) -> Result<String, Fault> {
        let id = self.inner.chance.token();
        let until = self.now().plus_seconds(CEREMONY_SECONDS);
        let mut tx = self.store().begin().await?;
        let account = account.map(str::to_owned);
        let row = params![&id, self.visitor(visit), account, state, until];
        tx.execute(sql::ADD_CEREMONY, &row).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// The state of a ceremony, which is gone afterwards whether or not it goes well: a challenge works once.
    async fn take_ceremony(
        &self,
        visit: &Visit,
        id: &str,
    ) -> Result<(String, Option<String>), Fault> {
        let mut tx = self.store().begin().await?;
        let key = params![id, self.visitor(visit), self.now()];
        let row = tx.maybe(sql::TAKE_CEREMONY, &key).await?.ok_or_else(|| {
            Fault::invalid("fault-identity-ceremony").detail("unknown, used or over")
        })?;
        let taken = (row.text(0)?, row.opt_text(1)?);
        tx.commit().await?;
        Ok(taken)
    }

    fn visitor(&self, visit: &Visit) -> String {
        data_encoding::HEXLOWER.encode(&self.keyed_hash("visitor", &visit.visitor)[..16])
    }
}

fn passkey(text: &str) -> Result<Passkey, Fault> {
    serde_json::from_str(text).map_err(Fault::internal)
}

fn credential_id(key: &Passkey) -> String {
    data_encoding::BASE64URL_NOPAD.encode(key.cred_id())
}

fn refused(cause: impl std::fmt::Display) -> Fault {
    Fault::invalid("fault-identity-passkey").detail(cause)
}
