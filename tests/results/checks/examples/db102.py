from checked import changed, facts


def fires():
    return changed(structure={"near_share": 0.05}, embeddings=facts(near_share=0.2))


def silent():
    return changed(structure={"near_share": 0.049}, embeddings=facts(near_share=0.049))
