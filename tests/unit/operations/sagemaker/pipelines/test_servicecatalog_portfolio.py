from sagewright.testing.asker import Asker


def test_the_switch_is_off_until_it_is_turned_on_and_stays_as_it_is_left(asker: Asker) -> None:
    seen = []
    for operation in (None, "Enable", "Enable", "Disable"):
        if operation is not None:
            asker.call(f"{operation}SagemakerServicecatalogPortfolio")
        seen.append(asker.call("GetSagemakerServicecatalogPortfolioStatus")["Status"])
    assert seen == ["Disabled", "Enabled", "Enabled", "Disabled"]
