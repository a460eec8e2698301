"""A provider that speaks OpenAI's shape: three names and a `link`; the adapter is the family's."""

from xmc.plugins.contract import Adapter
from xmc.plugins.packaged import PackagedProvider
from xmc.schema import Target


class FamilyProvider(PackagedProvider):
    """Base of one provider of the family.

    `trusted`: the upstream is OpenAI, whose streams are canonical as they are, unless the option `repair` of a target
    says otherwise; otherwise everything is normalised.
    """

    trusted: bool = False

    def adapter(self, target: Target) -> Adapter:
        """Bind to one target."""
        from xmc.plugins.openai_family.adapter import FamilyAdapter  # noqa: PLC0415 - when a table is loaded

        return FamilyAdapter(target, trusted=self.trusted and not target.options.get("repair", False))
