"""When to trust a mask: is the image like those that the model is known to segment, and how good is the mask?"""
