"""Dashboards for Kibana and for OpenSearch Dashboards: one specification that is data, and what is made of it.

``spec`` says what there is, in the words of ``model``; ``layout`` where it stands; ``objects`` renders it as saved
objects, ``flavours`` where the two products differ; ``importing`` sends them; ``asking`` turns a saved object back
into the search that its panel sends, and ``checking`` asks those of a store.
"""
