"""What providers with a message model of their own share: pure pieces of translation. No plugin by itself.

`refused`: how a translation says no. `parameter`: what becomes of parameters. `naming`, `arguments`, `data_url`: parts
of messages. `answer`: parts of answers.
"""
