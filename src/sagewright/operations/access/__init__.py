"""Authorization: may this principal do this operation on this resource?"""
