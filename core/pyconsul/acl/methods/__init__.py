"""Auth methods: foreign issuers whose bearer tokens become ACL tokens at a login.

Each is a plug-in of the group ``pyconsul.auth_method``: a function that makes a ``Validator`` of an auth method's
``Config``. They ask the network only through the ``Fetch`` that they are given.
"""
