//! Streams: found by a part of the name and by category.

use highwater_model::{CategorySummary, StreamList, StreamSummary, ViewPage};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::Form;
use leptos_router::hooks::use_query_map;

use super::Loading;
use crate::api::streams::StreamsRequest;
use crate::api::{Api, escape};
use crate::components::grid::{GridLink, GridMark};
use crate::components::problem::{EmptyStore, ErrorNotice};
use crate::components::share::Share;
use crate::components::{Time, TypeName};
use crate::format;

/// The list of streams.
#[component]
pub fn StreamsPage() -> impl IntoView {
    let map = use_query_map();
    let request = Memo::new(move |_| {
        map.with(|map| StreamsRequest {
            query: map.get("query").unwrap_or_default(),
            category: map.get("category").unwrap_or_default(),
            order: map.get("order").unwrap_or_default(),
            cursor: map.get("cursor").unwrap_or_default(),
        })
    });
    let found = Resource::new(
        move || request.get(),
        |request| {
            let api = Api::from_context();
            async move {
                let list = api.streams(&request).await?;
                // The choice of categories is a convenience: without it the list is still right.
                let categories = api.categories().await.unwrap_or_default();
                Ok::<_, crate::api::ApiError>((list, categories))
            }
        },
    );
    view! {
        <Title text="Streams" />
        <div class="bar">
            <h1>"Streams"</h1>
            <span class="grow"></span>
            <GridLink />
            <Share
                page=ViewPage::Streams
                call=Signal::derive(move || request.with(StreamsRequest::call))
                export=Signal::derive(move || request.with(StreamsRequest::export))
            />
        </div>
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match found.await {
                    Ok((list, categories)) => found_view(list, categories, request.get_untracked()).into_any(),
                    Err(error) => view! { <ErrorNotice error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn found_view(
    list: StreamList,
    categories: Vec<CategorySummary>,
    request: StreamsRequest,
) -> impl IntoView {
    if list.total == 0 {
        return view! { <EmptyStore /> }.into_any();
    }
    let next = list.next.map(|cursor| {
        let href = format!(
            "/streams?query={}&category={}&order={}&cursor={}",
            escape(&request.query),
            escape(&request.category),
            escape(&request.order),
            escape(&cursor)
        );
        view! {
            <a class="button" href=href>
                "Next page"
            </a>
        }
    });
    let options = categories
        .into_iter()
        .map(|summary| {
            let selected = summary.category == request.category;
            view! {
                <option value=summary.category.clone() selected=selected>
                    {format!("{} ({})", summary.category, format::number(summary.streams))}
                </option>
            }
        })
        .collect_view();
    let by_name = request.order == "name";
    let none = list.streams.is_empty();
    let rows = list.streams.into_iter().map(row).collect_view();
    view! {
        <Form method="GET" action="/streams" attr:class="line">
            <input type="search" name="query" value=request.query.clone() aria-label="Part of the stream's name" placeholder="Part of the name" />
            <select name="category" aria-label="Category">
                <option value="">"Every category"</option>
                {options}
            </select>
            <select name="order" aria-label="Order">
                <option value="active" selected=!by_name>
                    "Newest activity first"
                </option>
                <option value="name" selected=by_name>
                    "By name"
                </option>
            </select>
            <button type="submit">"Search"</button>
        </Form>
        <p class="dim">{format!("{} streams in the store", format::number(list.total))}</p>
        <div class="card scroll" tabindex="0" role="region" aria-label="Streams">
            <table>
                <thead>
                    <tr>
                        <th class="by-script">"grid"</th>
                        <th>"stream"</th>
                        <th>"category"</th>
                        <th class="n">"events"</th>
                        <th>"newest event"</th>
                        <th>"last activity"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {none.then(|| view! { <p class="notice">"No stream has this in its name. Shorten it, or choose every category."</p> })}
        <div class="bar">{next}</div>
    }
    .into_any()
}

fn row(summary: StreamSummary) -> impl IntoView {
    let name = summary.stream.to_string();
    view! {
        <tr>
            <td class="by-script">
                <GridMark stream=name.clone() />
            </td>
            <td class="mono">
                <a href=format!("/streams/{}", escape(&name))>{name.clone()}</a>
            </td>
            <td>{summary.category}</td>
            <td class="n">{format::number(summary.last_version.0 + 1)}</td>
            <td>
                <TypeName name=summary.last_type />
            </td>
            <td class="mono dim">
                <Time at=summary.last_recorded_at />
            </td>
        </tr>
    }
    .into_any()
}
