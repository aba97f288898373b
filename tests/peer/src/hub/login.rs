//! Signing in with what the cloud told about users, and the check of a token before each call.

use rusqlite::{Connection, OptionalExtension as _};
use serde_json::{Value, json};

use super::app::HubApp;
use super::jwt::{self, Claims};
use crate::auth::hash;

/// A user as the hub knows him.
struct User {
    id: String,
    name: String,
    role: String,
    clinic_id: String,
    clinic_name: String,
}

/// The command `login`: the plaintext of its reply, or its error.
pub(super) fn login(app: &HubApp, data: &Value) -> Result<Vec<u8>, String> {
    let text = |name: &str| {
        data.get(name)
            .and_then(Value::as_str)
            .ok_or_else(|| format!("missing field `{name}`"))
    };
    let (email, password) = (text("email")?, text("password")?);
    let user = find(&app.store.writer(), email, password)
        .map_err(|error| error.to_string())?
        .ok_or("Invalid email or password")?;
    let now_s = app.now_ms().div_euclid(1000);
    let token = jwt::issue(
        &app.config.token_key,
        &Claims {
            sub: user.id.clone(),
            clinic_id: user.clinic_id.clone(),
            role: user.role.clone(),
            iat: now_s,
            exp: now_s + jwt::LIFE_S,
        },
    );
    let reply = json!({
        "token": token,
        "user_id": user.id,
        "clinic_id": user.clinic_id,
        "role": user.role,
        "provider_name": user.name,
        "clinic_name": user.clinic_name,
    });
    Ok(reply.to_string().into_bytes())
}

fn find(database: &Connection, email: &str, password: &str) -> rusqlite::Result<Option<User>> {
    database
        .query_row(
            "SELECT u.id, u.name, u.role, c.id, c.name FROM users u \
             JOIN clinics c ON c.id = u.clinic_id \
             WHERE u.email = ?1 AND u.hashed_password = ?2 AND u.is_deleted = 0",
            (email, hash(password)),
            |row| {
                Ok(User {
                    id: row.get(0)?,
                    name: row.get(1)?,
                    role: row.get(2)?,
                    clinic_id: row.get(3)?,
                    clinic_name: row.get(4)?,
                })
            },
        )
        .optional()
}

/// Whether a token opens anything: signature and age, and that user, clinic and a row of
/// permissions exist. What the row permits is not looked at.
pub(super) fn authorize(app: &HubApp, token: Option<&str>) -> Result<(), String> {
    let token = token.ok_or("Authentication required")?;
    let now_s = app.now_ms().div_euclid(1000);
    let claims = jwt::verify(&app.config.token_key, token, now_s)
        .map_err(|refused| refused.text().to_owned())?;
    let known: i64 = app
        .store
        .writer()
        .query_row(
            "SELECT count(*) FROM users u JOIN clinics c ON c.id = ?2 \
             JOIN user_clinic_permissions p ON p.user_id = u.id AND p.clinic_id = c.id \
             WHERE u.id = ?1 AND u.clinic_id IS NOT NULL",
            (&claims.sub, &claims.clinic_id),
            |row| row.get(0),
        )
        .map_err(|error| error.to_string())?;
    if known == 0 {
        return Err(format!(
            "Failed to load permissions for user '{}': Query returned no rows",
            claims.sub
        ));
    }
    Ok(())
}
