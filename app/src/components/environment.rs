//! What the server looks after, beside the brand: seen at any width, production in words and by its colour.

use highwater_model::Environment;
use leptos::prelude::*;

use crate::me::Me;

/// Its name; nothing where its operators gave it none.
#[component]
pub fn EnvironmentBadge() -> impl IntoView {
    let me = expect_context::<Me>();
    let shown = move || {
        Suspend::new(async move {
            let environment = me.asked().await.ok()?.environment?;
            Some(badge(&environment))
        })
    };
    view! { <Suspense fallback=|| ()>{shown}</Suspense> }.into_any()
}

fn badge(environment: &Environment) -> AnyView {
    let class = if environment.production {
        "pill environment production"
    } else {
        "pill environment"
    };
    let words = environment.words();
    view! {
        <span class=class title="What this server looks after">
            {words}
        </span>
    }
    .into_any()
}

/// A page's title, with the environment in it: windows of several servers stand beside each other.
pub(crate) fn titled(page: &str, environment: Option<&Environment>) -> String {
    let environment = environment.map(|environment| environment.name.as_str());
    let parts = [Some(page), environment, Some("Highwater")];
    let parts: Vec<&str> = parts
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_names_the_page_first() {
        let shop = Environment {
            name: "shop eu".to_owned(),
            production: true,
        };
        assert_eq!(titled("Live", Some(&shop)), "Live · shop eu · Highwater");
        assert_eq!(titled("Live", None), "Live · Highwater");
        assert_eq!(titled("", None), "Highwater");
    }
}
