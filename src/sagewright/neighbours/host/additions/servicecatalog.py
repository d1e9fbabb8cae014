"""Service Catalog's portfolios, products and their versions. moto's own are a sketch, so all of it is here.

Templates are named and not read: nothing is provisioned from them.
"""

from __future__ import annotations

import secrets
import string
import time
from typing import Any, Final

from sagewright.base.errors import AwsError
from sagewright.neighbours.host.additions import Place

Params = dict[str, Any]
_ALPHABET: Final = string.ascii_lowercase + string.digits
_VIEW: Final = {
    "Name": "Name",
    "Owner": "Owner",
    "Description": "ShortDescription",
    "ProductType": "Type",
    "Distributor": "Distributor",
    "SupportDescription": "SupportDescription",
    "SupportEmail": "SupportEmail",
    "SupportUrl": "SupportUrl",
}
"""What a request calls a product's members, and what a view of it does."""

# Portfolios.


def create_portfolio(place: Place, params: Params) -> Params:
    """A new one, without products."""
    return _once(place, params, "portfolio", lambda: _new_portfolio(place, params))


def describe_portfolio(place: Place, params: Params) -> Params:
    portfolio = _portfolio(place, params["Id"])
    return {"PortfolioDetail": portfolio["detail"], "Tags": _listed(portfolio["tags"])}


def list_portfolios(place: Place, params: Params) -> Params:
    found = [each["detail"] for each in _kept(place, "portfolios").values()]
    return _page("PortfolioDetails", found, params)


def update_portfolio(place: Place, params: Params) -> Params:
    portfolio = _portfolio(place, params["Id"])
    for member in ("DisplayName", "Description", "ProviderName"):
        if member in params:
            portfolio["detail"][member] = params[member]
    _retag(portfolio["tags"], params)
    return {"PortfolioDetail": portfolio["detail"], "Tags": _listed(portfolio["tags"])}


def delete_portfolio(place: Place, params: Params) -> Params:
    """ResourceInUseException while it has products or principals."""
    portfolio = _portfolio(place, params["Id"])
    if portfolio["products"] or portfolio["principals"]:
        raise AwsError(
            "ResourceInUseException",
            f"Portfolio {params['Id']} has products or principals: disassociate them first.",
        )
    del _kept(place, "portfolios")[params["Id"]]
    return {}


def list_portfolio_access(place: Place, params: Params) -> Params:
    """Nobody: portfolios are not shared with other accounts here."""
    _portfolio(place, params["PortfolioId"])
    return {"AccountIds": []}


def associate_principal_with_portfolio(place: Place, params: Params) -> Params:
    portfolio = _portfolio(place, params["PortfolioId"])
    portfolio["principals"][params["PrincipalARN"]] = params["PrincipalType"]
    return {}


def disassociate_principal_from_portfolio(place: Place, params: Params) -> Params:
    _portfolio(place, params["PortfolioId"])["principals"].pop(params["PrincipalARN"], None)
    return {}


def list_principals_for_portfolio(place: Place, params: Params) -> Params:
    principals = _portfolio(place, params["PortfolioId"])["principals"]
    found = [{"PrincipalARN": arn, "PrincipalType": kind} for arn, kind in principals.items()]
    return _page("Principals", found, params)


def associate_product_with_portfolio(place: Place, params: Params) -> Params:
    _product(place, {"Id": params["ProductId"]})
    products = _portfolio(place, params["PortfolioId"])["products"]
    if params["ProductId"] not in products:
        products.append(params["ProductId"])
    return {}


def disassociate_product_from_portfolio(place: Place, params: Params) -> Params:
    products = _portfolio(place, params["PortfolioId"])["products"]
    if params["ProductId"] not in products:
        raise _missing("association of product", params["ProductId"])
    products.remove(params["ProductId"])
    return {}


def list_portfolios_for_product(place: Place, params: Params) -> Params:
    _product(place, {"Id": params["ProductId"]})
    holders = [each for each in _kept(place, "portfolios").values() if params["ProductId"] in each["products"]]
    return _page("PortfolioDetails", [each["detail"] for each in holders], params)


# Products.


def create_product(place: Place, params: Params) -> Params:
    """A new one, with its first version when that is given."""
    if "SourceConnection" in params:
        raise AwsError(
            "InvalidParametersException",
            "Sagewright follows no repository: leave SourceConnection out and name a template.",
        )
    return _once(place, params, "product", lambda: _new_product(place, params))


def describe_product_as_admin(place: Place, params: Params) -> Params:
    product = _product(place, params)
    summaries = [
        {
            name: version["detail"][name]
            for name in ("Id", "Name", "Description", "CreatedTime")
            if name in version["detail"]
        }
        for version in product["versions"].values()
    ]
    return {
        "ProductViewDetail": product["detail"],
        "ProvisioningArtifactSummaries": summaries,
        "Tags": _listed(product["tags"]),
    }


def describe_product(place: Place, params: Params) -> Params:
    product = _product(place, params)
    names = ("Id", "Name", "Description", "CreatedTime", "Guidance")
    versions = [
        {name: version["detail"][name] for name in names if name in version["detail"]}
        for version in product["versions"].values()
        if version["detail"]["Active"]
    ]
    return {"ProductViewSummary": product["detail"]["ProductViewSummary"], "ProvisioningArtifacts": versions}


def search_products_as_admin(place: Place, params: Params) -> Params:
    return _page("ProductViewDetails", [each["detail"] for each in _search(place, params)], params)


def search_products(place: Place, params: Params) -> Params:
    found = [each["detail"]["ProductViewSummary"] for each in _search(place, params)]
    return _page("ProductViewSummaries", found, params)


def update_product(place: Place, params: Params) -> Params:
    product = _product(place, params)
    summary = product["detail"]["ProductViewSummary"]
    summary.update({view: params[name] for name, view in _VIEW.items() if name in params})
    _retag(product["tags"], params)
    return {"ProductViewDetail": product["detail"], "Tags": _listed(product["tags"])}


def delete_product(place: Place, params: Params) -> Params:
    """ResourceInUseException while a portfolio has it."""
    _product(place, params)
    if any(params["Id"] in each["products"] for each in _kept(place, "portfolios").values()):
        raise AwsError("ResourceInUseException", f"Product {params['Id']} is in a portfolio: disassociate it first.")
    del _kept(place, "products")[params["Id"]]
    return {}


# Versions of products, which AWS calls provisioning artifacts.


def create_provisioning_artifact(place: Place, params: Params) -> Params:
    product = _product(place, {"Id": params["ProductId"]})
    return _once(place, params, "version", lambda: _told(_new_version(product, params["Parameters"])))


def describe_provisioning_artifact(place: Place, params: Params) -> Params:
    return _told(_version(place, params))


def list_provisioning_artifacts(place: Place, params: Params) -> Params:
    versions = _product(place, {"Id": params["ProductId"]})["versions"]
    return {"ProvisioningArtifactDetails": [each["detail"] for each in versions.values()]}


def update_provisioning_artifact(place: Place, params: Params) -> Params:
    version = _version(place, params)
    for member in ("Name", "Description", "Active", "Guidance"):
        if member in params:
            version["detail"][member] = params[member]
    return _told(version)


def delete_provisioning_artifact(place: Place, params: Params) -> Params:
    """ResourceInUseException for a product's only version."""
    version = _version(place, params)
    versions = _product(place, {"Id": params["ProductId"]})["versions"]
    if len(versions) == 1:
        raise AwsError("ResourceInUseException", "A product keeps one version: delete the product instead.")
    del versions[version["detail"]["Id"]]
    return {}


# What they have in common.


def _new_portfolio(place: Place, params: Params) -> Params:
    name = _new_id("port")
    detail: Params = {
        "Id": name,
        "ARN": _arn(place, f"portfolio/{name}"),
        "CreatedTime": time.time(),
        **{member: params[member] for member in ("DisplayName", "Description", "ProviderName") if member in params},
    }
    tags = _tags(params.get("Tags", []))
    _kept(place, "portfolios")[name] = {"detail": detail, "tags": tags, "products": [], "principals": {}}
    return {"PortfolioDetail": detail, "Tags": _listed(tags)}


def _new_product(place: Place, params: Params) -> Params:
    name = _new_id("prod")
    summary = {view: params[member] for member, view in _VIEW.items() if member in params}
    summary.update(Id=_new_id("prodview"), ProductId=name, HasDefaultPath=False)
    detail: Params = {
        "ProductViewSummary": summary,
        "Status": "AVAILABLE",
        "ProductARN": _arn(place, f"product/{name}"),
        "CreatedTime": time.time(),
    }
    tags = _tags(params.get("Tags", []))
    product: Params = {"detail": detail, "tags": tags, "versions": {}}
    answer = {"ProductViewDetail": detail, "Tags": _listed(tags)}
    if "ProvisioningArtifactParameters" in params:
        version = _new_version(product, params["ProvisioningArtifactParameters"])
        answer["ProvisioningArtifactDetail"] = version["detail"]
    _kept(place, "products")[name] = product
    return answer


def _new_version(product: Params, params: Params) -> Params:
    if not params.get("Info") or "ImportFromPhysicalId" in params["Info"]:
        raise AwsError("InvalidParametersException", "Name the version's template: Info={LoadTemplateFromURL: …}.")
    name = _new_id("pa")
    detail: Params = {
        "Id": name,
        "CreatedTime": time.time(),
        "Active": True,
        "Guidance": "DEFAULT",
        **{member: params[member] for member in ("Name", "Description", "Type") if member in params},
    }
    version = {"detail": detail, "info": dict(params["Info"])}
    product["versions"][name] = version
    return version


def _told(version: Params) -> Params:
    # What comes in as LoadTemplateFromURL goes out as TemplateUrl; other names stay.
    info = {"TemplateUrl" if name == "LoadTemplateFromURL" else name: each for name, each in version["info"].items()}
    return {"ProvisioningArtifactDetail": version["detail"], "Info": info, "Status": "AVAILABLE"}


def _search(place: Place, params: Params) -> list[Params]:
    found = list(_kept(place, "products").values())
    if "PortfolioId" in params:
        wanted = _portfolio(place, params["PortfolioId"])["products"]
        found = [each for each in found if each["detail"]["ProductViewSummary"]["ProductId"] in wanted]
    for name, values in params.get("Filters", {}).items():
        found = [each for each in found if _matches(each["detail"]["ProductViewSummary"], name, values)]
    if params.get("SortBy", "Title") == "CreationDate":
        found.sort(key=lambda each: each["detail"]["CreatedTime"])
    else:
        found.sort(key=lambda each: each["detail"]["ProductViewSummary"]["Name"])
    return found[::-1] if params.get("SortOrder") == "DESCENDING" else found


def _matches(summary: Params, name: str, values: list[str]) -> bool:
    if name == "FullTextSearch":
        text = " ".join(str(value) for value in summary.values()).lower()
        return all(value.lower() in text for value in values)
    member = {"Owner": "Owner", "ProductType": "Type"}.get(name)
    return member is not None and summary.get(member) in values


def _once(place: Place, params: Params, kind: str, make: Any) -> Params:
    """A request that comes again with its token gets the answer of the first one."""
    answers = _kept(place, "answers")
    token = f"{kind} {params['IdempotencyToken']}"
    if token not in answers:
        answers[token] = make()
    answer: Params = answers[token]
    return answer


def _kept(place: Place, what: str) -> dict[str, Any]:
    kept: dict[str, Any] = place.held("servicecatalog").setdefault(what, {})
    return kept


def _portfolio(place: Place, name: str) -> Params:
    found: Params | None = _kept(place, "portfolios").get(name)
    if found is None:
        raise _missing("portfolio", name)
    return found


def _product(place: Place, params: Params) -> Params:
    """By `Id`, else by `Name`."""
    products = _kept(place, "products")
    if "Id" in params:
        found = products.get(params["Id"])
    else:
        named = [
            each for each in products.values() if each["detail"]["ProductViewSummary"]["Name"] == params.get("Name")
        ]
        found = named[0] if named else None
    if found is None:
        raise _missing("product", params.get("Id") or params.get("Name", ""))
    product: Params = found
    return product


def _version(place: Place, params: Params) -> Params:
    versions = _product(place, _called("Product", params))["versions"]
    wanted = _called("ProvisioningArtifact", params)
    for name, version in versions.items():
        if name == wanted.get("Id") or ("Name" in wanted and version["detail"].get("Name") == wanted["Name"]):
            found: Params = version
            return found
    raise _missing("provisioning artifact", wanted.get("Id") or wanted.get("Name", ""))


def _called(kind: str, params: Params) -> Params:
    return {name: params[kind + name] for name in ("Id", "Name") if kind + name in params}


def _missing(kind: str, name: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"No {kind} {name!r} is here.")


def _page(member: str, found: list[Params], params: Params) -> Params:
    token = params.get("PageToken", "0")
    if not token.isdigit():
        raise AwsError("InvalidParametersException", f"PageToken {token[:50]!r} is not one that was given out.")
    start, size = int(token), params.get("PageSize") or 20
    answer: Params = {member: found[start : start + size]}
    if start + size < len(found):
        answer["NextPageToken"] = str(start + size)
    return answer


def _retag(tags: dict[str, str], params: Params) -> None:
    for key in params.get("RemoveTags", []):
        tags.pop(key, None)
    tags.update(_tags(params.get("AddTags", [])))


def _tags(pairs: list[Params]) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in pairs}


def _listed(tags: dict[str, str]) -> list[Params]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _arn(place: Place, rest: str) -> str:
    return f"arn:aws:catalog:{place.region}:{place.account}:{rest}"


def _new_id(kind: str) -> str:
    return f"{kind}-" + "".join(secrets.choice(_ALPHABET) for _ in range(13))
